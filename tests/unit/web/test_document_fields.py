"""What a reader sees of a line or span that is opened."""

from pipeline.web.document_fields import shown_document
from tests.support.waterfalls import stored_line, stored_span


def fields(document):
    """The fields that are shown, by name."""
    return {name: shown.text for name, shown in shown_document(document).fields}


def test_every_field_is_shown_by_its_dotted_name():
    """Nested ones and lists, in the order in which a reader looks for them; what is empty and what only the pipeline reads is not."""
    document = stored_line("l", body="paid", requestId="r", attributes={"order": {"id": 9, "paid": True}, "items": [{"n": 1}, {"n": 2}]}, signals=["error", "crash"],
                           correlationId=[], staleTraceId=None, zeta=0)  # fmt: skip
    document["state"], document["digest"] = {"secret": 1}, "d"
    shown = shown_document(document)
    assert (shown.kind, shown.title, shown.body.text) == ("log", "orders", "paid")
    found = fields(document)
    assert (
        found
        | {"attributes.order.id": "9", "attributes.order.paid": "true", "attributes.items.1.n": "2", "signals": "error, crash", "zeta": "0"}
        == found
    )
    assert not {"state.secret", "digest", "body", "correlationId", "staleTraceId"} & found.keys()
    assert list(found)[:3] == ["serviceName", "signals", "requestId"]


def test_exceptions_of_a_span():
    """Type, message and stack; an event without attributes is no error."""
    said = {"exception.type": "ValueError", "exception.message": "no lines", "exception.stacktrace": "at handler"}
    shown = shown_document(stored_span("s", events=[{"name": "exception", "attributes": said}, {"name": "exception"}]))
    assert [(each.type, each.message, each.stack.text) for each in shown.exceptions] == [
        ("ValueError", "no lines", "at handler"),
        ("", "", ""),
    ]
    assert shown.body is None


def test_what_is_too_much_is_cut_and_counted():
    """A line of a megabyte, thousands of fields, and nesting without end."""
    shown = shown_document(stored_line("l", body="x" * 1_000_000, attributes={f"k{number:04}": number for number in range(2000)}))
    assert (len(shown.body.text), shown.body.left_out) == (65_536, 934_464)
    assert (len(shown.fields), shown.more_fields > 1500) == (500, True)
    deep: dict[str, object] = {}
    for _ in range(3000):
        deep = {"a": deep}
    assert all(len(name) < 100 for name in fields(stored_line("l", attributes=deep | {"b": 1})))
