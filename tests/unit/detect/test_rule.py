"""Rules as data: switched off, downgraded, narrowed."""

from pipeline.detect.evaluate import evaluate
from pipeline.detect.rule_file import read_rules
from tests.support.events import call, function, powertools, service
from tests.support.verdicts import CAUSE, GIVE_UP, behind_edge, findings_of, fired, state_of, verdict_of


def test_rules_can_be_switched_off_and_downgraded():
    """Rules are data."""
    failing = state_of(service(error=True), function(error=True))
    for text, expected in (('{"service-ok-function-failed": {"severity": "notice"}}', [("service-ok-function-failed", "notice")]),
                           ('{"service-ok-function-failed": {"enabled": false}}', [])):  # fmt: skip
        assert findings_of(evaluate(failing, rules=read_rules(text), give_up_after_ms=GIVE_UP)) == expected


def test_a_rule_is_narrowed_by_service():
    """Only the services that are named, or all but those that are named with an exclamation mark."""
    lines = [powertools("no stock", level="ERROR")]
    for services, expected in (("orders", 1), ("ord*", 1), ("'!orders'", 0), ("cart", 0), ("['*', '!ord*']", 0)):
        rules = read_rules(f"edge-ok-error-log: {{services: {services}}}")
        assert len(verdict_of(*behind_edge(200), lines=lines, rules=rules).findings) == expected, services


def test_expected_errors_are_added_to_the_defaults_or_taken_away():
    """What a user expects stays silent; what he does not expect any more does not."""
    denied = call("dynamodb", "c" * 16, namespace="aws", fault=True, http={"response": {"status": 400}},
                  cause={"exceptions": [{"id": "1", "type": "NoSuchKey", "message": ""}]})  # fmt: skip
    assert fired(verdict_of(*behind_edge(inside=[denied]))) == set()
    rules = read_rules("edge-ok-downstream-fault:\n  expected: ['!NoSuchKey']")
    assert fired(verdict_of(*behind_edge(inside=[denied]), rules=rules)) == {("edge-ok-downstream-fault", "alert")}
    rules = read_rules("service-ok-function-failed: {expected: [ValueError]}")
    assert fired(verdict_of(service(), function(error=True, **CAUSE), rules=rules)) == set()
