"""Documents of a file as data for its script."""

import json

from pipeline.web.document_fields import shown_document
from pipeline.web.packed_documents import PackedDocuments
from tests.support.hostile import HOSTILE
from tests.support.waterfalls import stored_line, stored_span


def packed(*documents):
    """What the script reads."""
    found = PackedDocuments()
    for place, document in enumerate(documents):
        found.add(place, shown_document(document))
    text = str(found.json())
    assert not set("<>&\u202e\x1b") & set(text)
    return json.loads(text)


def test_each_text_stands_once():
    """A thousand lines of one stream hold its name once; each line has all of its fields."""
    found = packed(*(stored_line(f"line-{number}", number, "a" * 16) for number in range(1000)))
    assert len(found["texts"]) == len(set(found["texts"])) < 2100
    kind, title, ((body, left),), exceptions, fields, more = found["documents"]["7"]
    named = {found["texts"][name]: found["texts"][value] for name, (value, _) in fields}
    assert (found["texts"][kind], found["texts"][title], found["texts"][body], left, exceptions, more) == (
        "log",
        "orders",
        "line-7",
        0,
        [],
        0,
    )
    assert named["aws.logGroup"] == "/ecs/orders"


def test_what_others_wrote_is_text():
    """Markup cannot end the element, and nothing steers a reader's eye."""
    said = {"exception.type": "</script><b>", "exception.message": HOSTILE, "exception.stacktrace": "</SCRIPT>"}
    found = packed(stored_span("s", name="<!--<script>", events=[{"attributes": said}], attributes={"</script>": "&amp;"}))
    assert {"<!--<script>", "</script><b>", "</SCRIPT>", "&amp;", "attributes.</script>"} <= set(found["texts"])
