"""The rule on errors of traces that X-Ray does not have."""

import pytest

from pipeline.model.facts import RequestFact, SignalFact
from tests.support.events import NOW, REQUEST, powertools, report
from tests.support.verdicts import GIVE_UP, findings_of, fired, verdict_of


def test_unsampled_error():
    """An error on a trace that was not sampled, or that X-Ray does not have; a quiet one is silent."""
    failing, quiet = [powertools("no stock", level="ERROR"), report(sampled=False)], [powertools("fine"), report(sampled=False)]
    verdict = verdict_of(lines=failing, outcome="absent")
    assert (verdict.state, fired(verdict)) == ("unsampled", {("unsampled-error", "alert")})
    assert verdict.findings[0].unknown == (verdict.state_reason, "what the caller was told")
    assert fired(verdict_of(lines=quiet, outcome="absent")) == set()
    assert fired(verdict_of(lines=failing[:1], outcome="absent", asked=NOW + GIVE_UP + 60_000)) == {("unsampled-error", "alert")}
    assert fired(verdict_of(lines=failing[:1], outcome="absent")) == set(), "it may come still"


def by_a_line(log_group, service, *, recorded=False):
    """The verdict on one line about an error, of a trace that X-Ray does not have."""
    request = RequestFact(
        request_id=REQUEST, log_group=log_group, platform=recorded, sampled=False if recorded else None, first_at=NOW, last_at=NOW
    )
    signal = SignalFact(
        line_id="l", signals=("error",), service_name=service, request_id=REQUEST, log_group=log_group, text="no money", at=NOW
    )
    return verdict_of(requests={request.key: request}, signals={"l": signal}, outcome="absent", asked=NOW + GIVE_UP + 60_000)


@pytest.mark.parametrize(
    ("log_group", "service", "recorded", "severity", "told_of"),
    [("/ecs/stranger", "payments", False, "notice", "stranger"), ("/ecs/prod/payments-api", "payments", False, "alert", "payments-api"),
     ("/aws/lambda/orders-create", "Orders", True, "alert", "orders-create"), ("/ecs/payments", "payments", False, "alert", "payments"),
     ("", "payments", False, "alert", "payments")],
)  # fmt: skip
def test_who_speaks(log_group, service, recorded, severity, told_of):
    """A finding is about the service whose log shows it; if the log is not of the service that its line names, nobody is woken up."""
    verdict = by_a_line(log_group, service, recorded=recorded)
    assert findings_of(verdict) == [("unsampled-error", severity)]
    assert (verdict.findings[0].service_name, verdict.findings[0].lines[0].log_group) == (told_of, log_group)
