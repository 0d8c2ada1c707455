"""What holds for any line, however the kinds of lines are mixed and broken."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.logs.extract import id_marks, marks, read_lines
from pipeline.redact.prefilter import Marks, Prefilter
from tests.support.paths import ROOT

CASES = [json.loads((ROOT / "tests" / "cases" / name).read_text()) for name in ("lines.json", "headers.json")]
MESSAGES = [line["message"] for groups in CASES for group in groups for line in group["lines"]]
PIECES = ["\n", "\t", "\n\tat ", "{", "}", '"', "'", ":", "=", "[", "]", "\\n", "\x1b[31m", "error", "ERROR", "Error: ", "level", '"level": ', '"stack": "', "Exception",
          "a.b.C", "Traceback (most recent call last)", "panic: ", "\ud800", "é", "\0", "statusCode: 500", "50", "<3>", "2026-11-20 10:00:00 ",
          "Root=1-5759e988-bd862e3fe1be46a994272793", ";Sampled=0", "traceparent", "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01", "\\u003d",
          "x-correlation-id=[", "CORRELATION_ID", "correlationId: ", "AWSRequestId", "52fdfc07-2182-454f-963f-5f0f9a621d72 "]  # fmt: skip
# purposes whose marks must miss nothing
EXAMINED = (marks.FAILURES, marks.PAYLOADS)
IDS = (id_marks.HEADERS, id_marks.REQUEST_IDS)


@st.composite
def mutated(draw):
    """A line of the cases with parts cut out, doubled, and put in."""
    text = draw(st.sampled_from(MESSAGES))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 80, len(text))))
        text = text[:start] + draw(st.sampled_from([*PIECES, "", text[start:end] * 2])) + text[end:]
    return text


@settings(max_examples=400)
@given(st.lists(mutated(), min_size=1, max_size=4))
def test_a_line_is_read_alike_alone_and_among_others(messages):
    """No line raises, and none changes what is read of its neighbours."""
    _, together = read_lines.read_lines(messages)
    assert together == [read_lines.extract(message) for message in messages]


@settings(max_examples=400)
@given(mutated())
def test_the_marks_miss_no_failure(message):
    """A line shows the same failures if it is marked for everything that finds failures: the prefilter leaves none out."""
    found = read_lines.extract(message)
    scan = Prefilter.scan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prefilter, "scan", lambda self, messages: Marks({**scan(self, messages), **dict.fromkeys(EXAMINED, (0,))}))
        examined = read_lines.extract(message)
    assert set(found.signals) == set(examined.signals)


@settings(max_examples=400)
@given(mutated())
def test_the_marks_miss_no_id(message):
    """A line shows the same ids if it is marked for everything that finds tracing headers and request ids."""
    found = read_lines.extract(message)
    scan = Prefilter.scan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prefilter, "scan", lambda self, messages: Marks({**scan(self, messages), **dict.fromkeys(IDS, (0,))}))
        examined = read_lines.extract(message)
    assert (found.trace_id, found.request_id, found.sampled) == (examined.trace_id, examined.request_id, examined.sampled)
    assert found.propagated_trace_ids == examined.propagated_trace_ids
