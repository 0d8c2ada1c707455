"""Line templates: what they print, and what they refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from pipeline.cli.known_fields import require_field
from pipeline.cli.line_template import parse_template
from pipeline.errors import BadInputError

LINE = {"@timestamp": "2026-11-24T10:00:00.000Z", "doc": {"kind": "log"}, "serviceName": "orders", "body": "no stock", "httpStatus": 502,
        "trace": {"state": "complete", "rules": ["a", "b"]}, "attributes": {"order": {"id": 7}}, "aws": {"logGroup": "/g"}}  # fmt: skip
PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="{}\\"), max_size=20)


def line(template, document=LINE):
    """The line of a document."""
    return parse_template(template, require_field).line(document)


@pytest.mark.parametrize(
    ("template", "printed"),
    [("{timestamp} {service} {body}", "2026-11-24T10:00:00.000Z orders no stock"), ("{trace.state}:{attributes.order.id}", "complete:7"),
     ("{service:10}|", "orders    |"), ("{service:>10}|", "    orders|"), ("{service:<3}|", "orders|"), (r"{service}\t{group}", "orders\t/g"),
     ("{{{service}}}", "{orders}"), ("{requestId}|{trace.rules}", '|["a","b"]'), ("{httpStatus:>5} {text}", "  502 no stock"), (r"{service}\\n", r"orders\n")],
)  # fmt: skip
def test_fields_and_widths(template, printed):
    """Fields by their paths and short names; what is missing is empty, what is no text is JSON."""
    assert line(template) == printed


@pytest.mark.parametrize(
    ("template", "said"),
    [("{servce}", "did you mean service"), ("{servicename}", "did you mean serviceName"), ("{loggroup}", "did you mean aws.logGroup"), ("{body", "without its second brace"),
     ("body}", "without its second brace"), ("body", "names no field"), ("", "names no field"), ("{}", "is no field of a template"), ("{body!r}", "is no field of a template"),
     ("{body.__class__}", "no line and no span has a field"), ("{body:.5}", "is no field of a template"), ("{body:{service}}", "is no field|brace"),
     ("{body:1000}", "is no field of a template"), ("{body[0]}", "is no field of a template"), ("{__import__}", "no line and no span has")],
)  # fmt: skip
def test_what_is_no_template(template, said):
    """Nothing but names and widths: no attribute, no index, no conversion; a mistyped name gets the one that was meant."""
    with pytest.raises(BadInputError, match=said) as raised:
        parse_template(template, require_field)
    assert "\n" not in str(raised.value)


@given(st.text())
def test_any_text_is_a_template_or_one_sentence(text):
    """Whatever is given is read, or refused with one sentence; what is read prints a document without any of its fields."""
    refused = ""
    try:
        printed = parse_template(text, lambda _: None).line({})
    except BadInputError as error:
        printed, refused = "", str(error)
    assert "\n" not in refused
    assert isinstance(printed, str)


@given(PRINTABLE, PRINTABLE, st.integers(1, 60), st.sampled_from(["", "<", ">"]))
def test_what_stands_around_a_field_stays(before, after, width, side):
    """Text around a field is printed as it is, and the field has its width at least, in cells of a terminal."""
    printed = line(f"{before}{{service:{side}{width}}}{after}")
    assert printed.startswith(before)
    assert printed.endswith(after)
    assert cell_len(printed) == cell_len(before) + max(width, len("orders")) + cell_len(after)


@given(st.text())
def test_no_value_makes_a_second_line_or_steers(value):
    """Whatever a log line holds, its line is one line, and no character of it steers a terminal."""
    printed = line("{body}", {"body": value, "doc": {"kind": "log"}})
    assert len(printed.splitlines()) <= 1
    assert "\x1b" not in printed
    assert "\u202e" not in printed
