"""The grammar of ids."""

import pytest

from pipeline.model.trace_ids import (
    TraceHeader,
    parse_correlation_id,
    parse_header,
    parse_trace,
    parse_trace_id,
    parse_traceparent,
    to_xray,
)

XRAY, W3C = "1-5759e988-bd862e3fe1be46a994272793", "5759e988bd862e3fe1be46a994272793"
SPAN = "53995c3f42cd8ad8"


@pytest.mark.parametrize(
    "text",
    [XRAY, W3C, W3C.upper(), f"Root={XRAY};Parent={SPAN};Sampled=1", f"root={XRAY};sampled=0", f" Self=1-x-y; ROOT={XRAY} ",
     f"Sampled=?;Lineage=a87bd80c:1|68fd508a:5;Root={XRAY}", f"00-{W3C}-{SPAN}-01"],
)  # fmt: skip
def test_every_form_is_one_trace(text):
    """Each of the forms that logs, headers and APIs use gives the same canonical id."""
    assert parse_trace_id(text) == W3C


@pytest.mark.parametrize(
    "text",
    ["", "-", "undefined", "0" * 32, "1-00000000-" + "0" * 24, "1-5e34a614-10bdxmplf1fb44f07bc535a1", "3172564172058669914",
     "52fdfc07-2182-454f-963f-5f0f9a621d72", W3C[:-1], W3C + "0", XRAY + "0", f"00-{W3C}-{'0' * 16}-01", f"ff-{W3C}-{SPAN}-01",
     "Root=undefined;Sampled=1", "x" * 10_000],
)  # fmt: skip
def test_what_is_no_id_is_none(text):
    """Placeholders, documentation ids, Datadog's decimal ids, UUIDs and broken ids are no trace ids."""
    assert parse_trace_id(text) is None


def test_a_header_says_who_calls_and_whether_it_is_sampled():
    """Parent and sampling are read in any order; a decision that is left open is None."""
    assert parse_header(f"Sampled=0;Parent={SPAN};Root={XRAY}") == TraceHeader(W3C, SPAN, False)
    assert parse_header(f"Root={XRAY};Sampled=?") == TraceHeader(W3C, None, None)
    assert parse_traceparent(f"00-{W3C}-{SPAN}-00") == TraceHeader(W3C, SPAN, False)


def test_the_java_sdk_names_its_segment():
    """`traceId@segmentId`, which the X-Ray SDK for Java injects into logs, gives both."""
    assert parse_trace(f"{XRAY}@{SPAN}") == TraceHeader(W3C, SPAN, None)


def test_xray_rendering():
    """The canonical id comes back as X-Ray writes it."""
    assert to_xray(W3C) == XRAY


@pytest.mark.parametrize("text", ["", " ", "-", "undefined", "NULL", "None", "x" * 129])
def test_placeholders_are_no_correlation_ids(text):
    """What would glue unrelated transactions together is left out."""
    assert parse_correlation_id(text) is None
