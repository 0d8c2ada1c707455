"""The measure of real runtimes: what it takes for the truth, and when it fails."""

import pytest

from bench.real import __main__ as real
from bench.real.clients import CLIENTS, NotAvailableError
from bench.truth import NOBODY, Truth
from tests.support.events import REQUEST, TRACE

BARE, NAMING = "order 1 accepted", f"2026-11-24 10:00:00 {REQUEST} INFO  Orders - accepted"


def missing():
    """A runtime client that cannot be fetched."""
    raise NotAvailableError("the package index does not answer")


@pytest.mark.parametrize("arguments", [["--runtime", "python"], []])
def test_a_runtime_that_was_asked_for_must_be_measured(arguments, monkeypatch, capsys):
    """If it cannot be fetched, or if none can, the measure fails and says why: CI must not pass on lines that nobody wrote."""
    for name in CLIENTS:
        monkeypatch.setitem(CLIENTS, name, missing)
    monkeypatch.setattr("sys.argv", ["bench.real", *arguments])
    assert real.main() == 1
    assert "python: not measured: the package index does not answer" in capsys.readouterr().err


def test_no_record_tells_the_request_of_an_invocation_that_was_not_traced():
    """There a line's request is the one that it names; a line of a traced invocation has its request, and one of nobody's has none."""
    untraced = Truth(request_id=REQUEST)
    assert [untraced.of_line(message).request_id for message in (BARE, NAMING)] == [None, REQUEST]
    # a trace that the code names is no record of Lambda's
    assert Truth(trace_id=TRACE, request_id=REQUEST).of_line(BARE).request_id is None
    traced = Truth(trace_id=TRACE, request_id=REQUEST, sampled=False)
    assert traced.of_line(BARE) == traced
    assert NOBODY.of_line(BARE) == NOBODY
