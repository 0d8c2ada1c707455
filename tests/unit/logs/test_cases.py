"""Cases: the ids in lines and printed events from public bug reports, with the right reading of each (tests/cases)."""

import json

import pytest

from pipeline.logs.correlate import correlate_batch
from pipeline.logs.extract.read_lines import read_lines
from tests.support.events import end, report, start
from tests.support.paths import ROOT

CASES = ROOT / "tests" / "cases"
GROUPS = json.loads((CASES / "lines.json").read_text())
EVENTS = json.loads((CASES / "headers.json").read_text())
REQUEST = "aaaaaaaa-1111-4222-8333-000000000001"
FIELDS = {
    "requestId": "request_id",
    "traceId": "trace_id",
    "spanId": "span_id",
    "sampled": "sampled",
    "correlationIds": "correlation_ids",
}


@pytest.mark.parametrize("group", [pytest.param(group, id=group["id"]) for group in GROUPS])
def test_ids(group):
    """Each line has the ids that its writer meant; lines of one log stream are read together, others alone."""
    messages = [line["message"] for line in group["lines"]]
    batches = [messages] if group.get("logStream") else [[message] for message in messages]
    lines = [line for batch in batches for line in correlated(batch, whole=True)]
    for case, line in zip(group["lines"], lines, strict=True):
        for name in FIELDS.keys() & case["expect"].keys():
            found = getattr(line, FIELDS[name])
            expected = case["expect"][name]
            assert (list(found) if name == "correlationIds" else found) == expected, (case["name"], name)


@pytest.mark.parametrize(
    ("message", "own", "sent"),
    [pytest.param(line["message"], group["own"], group["sent"], id=line["name"]) for group in EVENTS for line in group["lines"]],
)
def test_a_printed_event_stays_in_its_invocations_trace(message, own, sent):
    """The header in the event is its sender's: it is propagated, and no stale id."""
    _, line, _, _ = correlated([start(REQUEST), message, end(REQUEST), report(REQUEST, own)], of_lambda=True)
    assert (line.trace_id, line.request_id, line.stale_trace_id) == (own, REQUEST, None)
    assert line.propagated_trace_ids == (sent,)


def correlated(messages, **how):
    """The lines of one batch, read and correlated."""
    _, lines = read_lines(messages)
    correlate_batch(lines, **how)
    return lines
