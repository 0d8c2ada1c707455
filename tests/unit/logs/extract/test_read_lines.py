"""Reading lines: whatever stands in one, at a cost that its length limits."""

import json
import time

import pytest

from pipeline.logs.extract.read_lines import extract, read_lines
from pipeline.redact.redactor import MASK
from tests.support.events import REQUEST, TRACE, powertools

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
KEY_ID = "AKIA" + "IOSFODNN7EXAMPLE"


def test_a_deeply_nested_line_is_text():
    """A line that no parser takes is kept as text."""
    line = extract('{"a":' * 5000)
    assert (line.format, line.attributes) == ("text", None)


@pytest.mark.parametrize("piece", ["x-correlation-", "trace_id=", "trace_id   ", "request id ", "1-", "root=1-", "root=1-5759e988-bd862e3fe1be46a994272793;a=b;",
                                   "Z", '{"a":', "correlation_id ", "Task timed out after ", "\n\tat a.b.c(",
                                   "\n at x/", ".rb:1:in `", "\njava.a.b.c.D", "TypeError: a is not ", "level=", "[error ", "Errors=[{", "\t{",
                                   '"stack":"a', "errorMessage: errorType: ", "\n2026-11-20 10:00:00 error "])  # fmt: skip
@pytest.mark.parametrize("frame", ["%s", '{"message":"%s"}', "(%s", "2026-11-24T10:00:00.000Z\t%s"])
def test_a_line_costs_no_more_than_its_length(piece, frame):
    """Whatever somebody logs again and again, eight times the length costs about eight times the work, not sixty-four."""

    def cost(times):
        line = frame % (piece.replace('"', "") * times)
        begun = []
        for _ in range(3):
            start_ = time.process_time()
            extract(line)
            begun.append(time.process_time() - start_)
        return min(begun)

    assert cost(16_000) < 24 * max(cost(2_000), 0.0005)


def test_neighbours_of_a_marked_line_stay_as_they_are():
    """One line of many is changed, wherever it stands, beside lines that are not ASCII, or hold line ends, NULs, half characters."""
    neighbours = ["é\n漢字", "\0\ud800", "", "plain", "x" * 10_000]
    for place in range(len(neighbours) + 1):
        messages = [*neighbours]
        messages.insert(place, "é password=hunter2")
        texts, _ = read_lines(messages)
        assert [text for text in texts if text not in neighbours] == ["é password=[redacted]"]
        assert len(texts) == len(messages)


def test_what_a_line_says_is_said_of_what_is_left():
    """Body, attributes and correlation ids are made of the redacted line; its trace and request are there."""
    _, (line,) = read_lines([powertools(f"login with {JWT}", correlation_id=KEY_ID, password="hunter2", n=[1])])
    assert (line.trace_id, line.request_id, line.body, line.correlation_ids) == (TRACE, REQUEST, "login with [redacted]", (MASK,))
    assert json.loads(bytes(line.attributes)) | {"password": MASK, "n": [1]} == json.loads(bytes(line.attributes))
