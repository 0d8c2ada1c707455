"""Rules on calls below the entry that failed or were throttled."""

import pytest

from tests.support.events import NOW, call
from tests.support.verdicts import behind_edge, findings_of, fired, verdict_of


def test_a_failed_call_two_levels_under_a_201():
    """The deepest fault is named once, with the path to it."""
    mail = call("mail", "c" * 16, fault=True, http={"response": {"status": 500}})
    local = {
        "id": "d" * 16,
        "name": "## notify",
        "start_time": NOW / 1000,
        "end_time": NOW / 1000 + 0.05,
        "fault": True,
        "subsegments": [mail],
    }
    verdict = verdict_of(*behind_edge(201, inside=[local]))
    assert findings_of(verdict) == [("edge-ok-downstream-fault", "alert")]
    assert verdict.findings[0].path == ("api/prod", "Lambda", "orders", "## notify", "mail")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("ConditionalCheckFailedException", ""),
        ("ClientError", "An error occurred (404) when calling the HeadObject operation: Not Found"),
    ],
)
def test_expected_client_errors_are_no_finding(kind, message):
    """The SDK flags handled client errors as faults: those that programs expect stay silent, others do not."""

    def denied(type_, text):
        cause = {"cause": {"exceptions": [{"id": "1", "type": type_, "message": text}]}}
        return call("dynamodb", "c" * 16, namespace="aws", error=True, fault=True, http={"response": {"status": 400}}, **cause)

    assert verdict_of(*behind_edge(inside=[denied(kind, message)])).findings == ()
    assert verdict_of(*behind_edge(inside=[denied("AccessDeniedException", "no")])).hidden_fault


def test_a_plain_4xx_and_a_visible_failure_are_no_finding():
    """An `error` without fault is the caller's; a failure that the edge itself shows is nobody's secret."""
    missing = call("api", "c" * 16, error=True, http={"response": {"status": 404}})
    broken = call("mail", "c" * 16, fault=True, http={"response": {"status": 500}})
    assert verdict_of(*behind_edge(inside=[missing])).findings == ()
    assert verdict_of(*behind_edge(500, inside=[broken])).findings == ()


def test_throttled_downstream():
    """A 429 that nobody repeats is told by its own rule alone, whatever flags the SDK sets; one that is repeated with success is not."""
    first = call("dynamodb", "c" * 16, throttle=True, error=True, fault=True, http={"response": {"status": 400}})
    again = call("dynamodb", "d" * 16, start_time=NOW / 1000 + 0.04, end_time=NOW / 1000 + 0.05, http={"response": {"status": 200}})
    assert fired(verdict_of(*behind_edge(inside=[first]))) == {("throttled-downstream", "alert")}
    assert fired(verdict_of(*behind_edge(inside=[call("api", "c" * 16, http={"response": {"status": 429}})]))) == {
        ("throttled-downstream", "alert")
    }
    assert fired(verdict_of(*behind_edge(inside=[first, again]))) == set()
    assert fired(verdict_of(*behind_edge(429, inside=[first]))) == set()


def refused(code: str, *, id_: str = "c" * 16, type_: str = "ClientError", **more):
    """A call of DynamoDB that the X-Ray SDK notes as refused with 400: a fault and an error, whatever the code."""
    cause = {"exceptions": [{"id": "1", "type": type_, "message": f"An error occurred ({code}) when calling the PutItem operation: no"}]}
    return call("DynamoDB", id_, namespace="aws", fault=True, error=True, aws={"operation": "PutItem"}, http={"response": {"status": 400}},
                cause=cause, **more)  # fmt: skip


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException", "SlowDown"])
def test_a_throttle_with_status_400(code):
    """It is one by its code, so it is made good by the same call made again, which a caller's mistake is not."""
    again = call("DynamoDB", "e" * 16, namespace="aws", aws={"operation": "PutItem"}, http={"response": {"status": 200}},
                 start_time=NOW / 1000 + 0.04, end_time=NOW / 1000 + 0.05)  # fmt: skip
    assert fired(verdict_of(*behind_edge(inside=[refused(code)]))) == {("throttled-downstream", "alert")}
    assert fired(verdict_of(*behind_edge(inside=[refused(code), again]))) == set()
    assert fired(verdict_of(*behind_edge(inside=[refused("AccessDeniedException"), again]))) == {("edge-ok-downstream-fault", "alert")}


def test_an_expected_error_by_any_of_its_names():
    """With its package before it, as Java and OpenTelemetry write it, and passed on by the id of the exception, as the X-Ray SDK does."""
    type_ = "software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException"
    assert fired(verdict_of(*behind_edge(inside=[refused("Other", type_=type_)]))) == set()
    for code, expected in (("ConditionalCheckFailedException", set()), ("Other", {("edge-ok-downstream-fault", "alert")})):
        around = call("## put", "9" * 16, namespace="local", fault=True, cause="0123456789abcdef", subsegments=[refused(code)])
        assert fired(verdict_of(*behind_edge(inside=[around]))) == expected
