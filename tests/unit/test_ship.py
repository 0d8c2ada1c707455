"""Shipping, as far as it needs no OpenSearch."""

from pipeline.logs.decode import LogBatch, LogEvent
from pipeline.settings import Settings
from pipeline.ship import read


def test_ids_of_documents_do_not_depend_on_what_is_secret():
    """A line without an event id gets the same document id with redaction and without; a long line is cut of what is left of it."""
    batch = LogBatch("DATA_MESSAGE", "1", "g", "s", [LogEvent("", 1, "password=hunter2 " + "x" * 100)])
    found = [next(iter(read(batch, Settings(redact=redact, max_line_chars=20)))) for redact in (True, False)]
    (with_it, redacted), (without, whole) = found
    assert with_it.create.id == without.create.id
    assert (redacted.body, whole.body) == ("password=[redacted] ", "password=hunter2 xxx")
