"""Lines of public bug reports with a planted secret, through all that ship does with a line."""

import json

import pytest

from pipeline.logs.decode import LogBatch, LogEvent
from pipeline.settings import Settings
from pipeline.ship import read
from tests.support.paths import ROOT

CASES = [
    pytest.param(group["secret"], line["message"], bool(line.get("keep")), id=f"{group['id']}: {line['name']}")
    for group in json.loads((ROOT / "tests/cases/leaks.json").read_text())
    for line in group["lines"]
]


@pytest.mark.parametrize(("secret", "message", "stays"), CASES)
def test_no_stored_document_holds_the_secret(secret, message, stays):
    """The document of the line is without its secret; a harmless line is stored as it came."""
    (_, document) = read(LogBatch("DATA_MESSAGE", "1", "g", "s", [LogEvent("1", 1, message)]), Settings()).parts
    stored = json.loads(json.dumps(json.loads(bytes_of(document)), ensure_ascii=False))
    if stays:
        assert stored["body"] == message
    else:
        assert secret not in json.dumps(stored, ensure_ascii=False)


def bytes_of(document):
    """The JSON of a document of the bulk body."""
    import msgspec

    return msgspec.json.encode(document)
