"""Labels: what they ask a verdict for."""

import pytest

from accuracy.labels import Labels, rules
from accuracy.scenario import scenario
from tests.support.accuracy_verdicts import verdict


def test_what_the_labels_say():
    """A notice does not find what nobody was told of; an alert is too loud for what the client saw; what is left open is neither."""
    hidden = Labels(rules("timeout"), rules("crash"))
    assert hidden.found(verdict(("timeout", "alert"))) == {"timeout"}
    assert hidden.found(verdict(("timeout", "notice"))) == set()
    assert hidden.false_alarms(verdict(("crash", "alert"), ("out-of-memory", "notice"))) == {"out-of-memory"}
    told = Labels(rules("edge-error-trace-ok"), frozenset(), seen_by_client=True)
    assert told.found(verdict(("edge-error-trace-ok", "notice"))) == {"edge-error-trace-ok"}
    assert told.false_alarms(verdict(("edge-error-trace-ok", "alert"))) == {"edge-error-trace-ok"}
    assert not hidden.control
    assert Labels().control


def test_lost_evidence_asks_for_nothing_but_allows_no_more():
    """Where parts are lost, the rules that had to fire may fire; of what was never recorded that may be said; a control stays one."""
    labels = Labels(rules("timeout"), rules("crash"))
    assert labels.without_evidence(recorded=True) == Labels(frozenset(), rules("timeout crash"))
    assert labels.without_evidence(recorded=False) == Labels(frozenset(), rules("timeout crash unsampled-error"))
    assert Labels().without_evidence(recorded=False).control


def test_a_rule_that_does_not_exist_is_refused():
    """A label with a typing error would measure nothing."""
    with pytest.raises(ValueError, match="no rule time-out"):
        scenario(must="time-out")
