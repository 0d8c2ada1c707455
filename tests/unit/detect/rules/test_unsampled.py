"""The rule on errors of traces that X-Ray does not have."""

from tests.support.events import NOW, powertools, report
from tests.support.verdicts import GIVE_UP, fired, verdict_of


def test_unsampled_error():
    """An error on a trace that was not sampled, or that X-Ray does not have; a quiet one is silent."""
    failing, quiet = [powertools("no stock", level="ERROR"), report(sampled=False)], [powertools("fine"), report(sampled=False)]
    verdict = verdict_of(lines=failing, outcome="absent")
    assert (verdict.state, fired(verdict)) == ("unsampled", {("unsampled-error", "alert")})
    assert verdict.findings[0].unknown == (verdict.state_reason, "what the caller was told")
    assert fired(verdict_of(lines=quiet, outcome="absent")) == set()
    assert fired(verdict_of(lines=failing[:1], outcome="absent", asked=NOW + GIVE_UP + 60_000)) == {("unsampled-error", "alert")}
    assert fired(verdict_of(lines=failing[:1], outcome="absent")) == set(), "it may come still"
