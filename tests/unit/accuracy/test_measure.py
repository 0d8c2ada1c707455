"""The measure itself: that its gates can fail, that a run can be repeated, that its labels are read as they are meant."""

import json

import pytest
from msgspec.structs import replace

from accuracy.__main__ import main
from accuracy.disturbances import DISTURBANCES
from accuracy.labels import RULES, Labels, rules
from accuracy.measure import Tally, case_of, cases, measure
from accuracy.report import gates
from accuracy.scenarios import ALL
from pipeline.detect.rule import default_rules
from tests.support.accuracy_verdicts import verdict

NUMBER = 350


def gate(tally, name):
    """Whether the gate whose name begins like this is open."""
    return next(passed for title, passed in gates(tally).items() if title.startswith(name))


def test_every_rule_of_the_design_has_scenarios_that_it_must_find_and_controls_are_there():
    """No rule goes unmeasured, and there is at least as much to keep silent about."""
    required = {rule for each in ALL.values() for rule in each.labels.must}
    assert required == set(RULES)
    assert sum(each.labels.control for each in ALL.values()) >= 40


def test_a_rule_that_is_switched_off_closes_the_recall_gate(capsys):
    """What is not found is counted, named with its seed, and makes exit status 1."""
    off = default_rules() | {"timeout": replace(default_rules()["timeout"], enabled=False)}
    assert main(["--transactions", str(NUMBER), "--faults", "0"], off) == 1
    printed = capsys.readouterr().out
    assert "FAILED  recall" in printed
    assert "missed: timeout" in printed
    assert "--scenario timeout-of-a-callee --seed 1000" in printed


def test_a_rule_without_its_expected_errors_closes_the_gates_of_precision_and_controls():
    """An over-eager rule is seen as such: conditional checks and missing keys are controls."""
    name = "edge-ok-downstream-fault"
    eager = default_rules() | {name: replace(default_rules()[name], expected=())}
    tally = measure(1, NUMBER, eager)
    assert tally.false[name] > measure(1, NUMBER, default_rules()).false[name]
    assert not gate(tally, "precision")
    assert not gate(tally, "no alert on a control")
    assert "conditional-check" in {case.scenario.name for case in tally.loud_controls}


def test_what_depends_on_the_order_closes_its_gate(monkeypatch):
    """A transaction that is judged otherwise in another order is named."""
    seen = []

    def moody(facts, rules):
        seen.append(facts)
        return verdict(("timeout", "notice")) if len(seen) % 2 else verdict()

    monkeypatch.setattr("accuracy.measure.verdict_on", moody)
    tally = measure(1, 1, default_rules())
    assert len(tally.unstable) == 1
    assert not gate(tally, "findings do not depend")


def test_a_run_can_be_repeated_and_one_of_its_transactions_alone():
    """The same seed makes the same documents and lines; a case names what makes it again."""
    first, second = list(cases(3, 40)), list(cases(3, 40))
    assert [str(case) for case in first] == [str(case) for case in second]
    for case in first:
        again = case_of(ALL[case.scenario.name], case.seed)
        assert again.transaction.documents == case.transaction.documents
        assert again.transaction.streams == case.transaction.streams


def test_every_other_transaction_is_healthy_and_every_disturbance_happens():
    """Failures are mixed with healthy traffic; nothing that may happen on the way is left out."""
    found = list(cases(1, NUMBER))
    assert sum(case.scenario.healthy for case in found) == NUMBER // 2
    assert {case.disturbance.name for case in found} == {disturbance.name for disturbance in DISTURBANCES}
    assert {case.scenario.name for case in found} == set(ALL)


def test_recall_and_precision():
    """Three to be found, two of them found, one false alarm."""
    tally = Tally()
    case = next(iter(cases(1, 1)))
    for labels, said in ((Labels(rules("crash")), verdict(("crash", "alert"))), (Labels(rules("crash")), verdict(("crash", "alert"))),
                         (Labels(rules("crash")), verdict()), (Labels(), verdict(("crash", "alert")))):  # fmt: skip
        tally.count(replaced(case, labels), said)
    assert tally.recall("crash") == pytest.approx(2 / 3)
    assert tally.precision("crash") == pytest.approx(2 / 3)
    assert len(tally.loud_controls) == 1


def replaced(case, labels):
    """The case with other labels."""
    return type(case)(case.scenario, case.seed, case.transaction, case.disturbance, labels)


def test_json_is_one_object_and_show_tells_all(capsys):
    """`--json` names every number, `--show` the documents, the lines, the labels and the findings of one transaction."""
    status = main(["--json", "--transactions", "20", "--faults", "1"])
    content = json.loads(capsys.readouterr().out)
    assert set(content["rules"]) >= set(RULES)
    assert content["transactions"] == 20
    assert status == (0 if content["passed"] else 1)
    assert main(["--scenario", "timeout-behind-a-200", "--seed", "7", "--show"]) == 0
    shown = capsys.readouterr().out
    for word in ("AWS::Lambda::Function", "must be found: timeout", "is found"):
        assert word in shown


def test_wrong_usage_is_refused(capsys):
    """`--show` needs a scenario, and a scenario has to be there: exit status 2."""
    for arguments in (["--show"], ["--scenario", "nonsense"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
    assert "nonsense" in capsys.readouterr().err
