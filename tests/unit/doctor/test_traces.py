"""Checks of tracing and its sources."""

from pipeline.doctor.resources import Sampling
from pipeline.doctor.subscription_state import Subscriptions
from pipeline.doctor.traces import sampling, spans_group
from tests.support.doctor_facts import STACK, groups, statuses


def test_spans_that_reach_nobody():
    """The log group of spans without a filter, and where there is none; another source needs neither."""
    for names in (groups("aws/spans"), {}):
        found = Subscriptions(groups=names, filters={}, stack=STACK)
        assert statuses(spans_group(STACK, "aws/spans", found, "s-ship")) == [("problem", "aws/spans")]
        assert list(spans_group(STACK, "auto", found, "s-ship")) == []


def test_sampling_is_a_hint():
    """The default rule decides; with Transaction Search the share that is indexed is told, too."""
    few = Sampling(rule="Default", fixed_rate=0.05, reservoir=1)
    assert [finding.status for finding in sampling("r", [few], None)] == ["ok"]
    assert "1 % of spans" in next(sampling("r", [few], 1.0)).message
    assert (
        list(sampling("r", [Sampling(rule="Default", fixed_rate=0.5, reservoir=1), Sampling(rule="a", fixed_rate=0, reservoir=0)], None))
        == []
    )
    assert list(sampling("r", [], None)) == []
