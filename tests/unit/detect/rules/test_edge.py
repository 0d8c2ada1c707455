"""Rules that compare what the edge answered with what was logged."""

import json

import pytest

from tests.support.events import REQUEST, TRACE, function, powertools, service
from tests.support.verdicts import TRACEBACK, behind_edge, fired, verdict_of

HEADER = f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent=0123456789abcdef;Sampled=1"
GATEWAY = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


def test_edge_error_trace_ok():
    """API Gateway's access log says 502 where every segment of the trace is well; not where one of them shows it."""
    access = json.dumps(
        {"requestId": GATEWAY, "xrayTraceId": HEADER, "routeKey": "GET /", "status": "502", "integrationRequestId": REQUEST}
    )
    verdict = verdict_of(service(), function(), access_log=[access])
    assert fired(verdict) == {("edge-error-trace-ok", "alert")}
    assert (verdict.edge_status, verdict.client_saw) == (502, "error")
    assert fired(verdict_of(service(error=True), function(error=True), access_log=[access])) == {("service-ok-function-failed", "notice")}
    assert fired(verdict_of(service(), function(), access_log=[access.replace('"502"', '"200"')])) == set()
    assert fired(verdict_of(service(), access_log=[access])) == set(), "the function's segment may show it still"


def test_two_lines_of_api_gateway_that_contradict_each_other():
    """The one that hides nothing counts: a failure behind the 200 is an alert, and the 502 of a trace that is well is one, too; both are shown."""
    lines = [json.dumps({"requestId": GATEWAY, "xrayTraceId": HEADER, "routeKey": "GET /", "status": status, "integrationRequestId": REQUEST})
             for status in ("502", "200")]  # fmt: skip
    for both in (lines, lines[::-1]):
        failed = verdict_of(service(error=True), function(error=True), access_log=both)
        assert fired(failed) == {("service-ok-function-failed", "alert")}
        well = verdict_of(service(), function(), access_log=both)
        assert fired(well) == {("edge-error-trace-ok", "alert")}
        assert (well.edge_status, well.client_saw) == (200, "success")
        assert "502 (another line says 200)" in well.findings[0].evidence


@pytest.mark.parametrize(
    "line", [powertools("no stock", level="ERROR"), TRACEBACK, powertools("x", level="CRITICAL", exception_name="ValueError")]
)
def test_edge_ok_error_log(line):
    """The caller was told 200, and a line says error; not where the caller was told 500."""
    assert fired(verdict_of(*behind_edge(200), lines=[powertools("a"), line])) == {("edge-ok-error-log", "alert")}
    assert fired(verdict_of(*behind_edge(500), lines=[powertools("a"), line])) == set()


@pytest.mark.parametrize("line", [powertools("no stock", level="WARNING", exception_name="ValueError", exception="Traceback…"), powertools("0 errors"),
                                  powertools("ConditionalCheckFailedException: the order exists", level="ERROR"), "an exception to the rule"])  # fmt: skip
def test_what_is_no_error_log(line):
    """An exception that was handled, and says so by its level; an error that programs expect; a word."""
    assert fired(verdict_of(*behind_edge(200), lines=[powertools("a"), line])) == set()
