"""The rule file: every mistake in it is named."""

import pytest

from pipeline.detect.rule import default_rules
from pipeline.detect.rule_file import read_rule_file, read_rules
from pipeline.errors import MisconfiguredError


def test_broken_rules_are_named():
    """A rule file that is wrong fails at start, and says where."""
    with pytest.raises(MisconfiguredError, match="severity"):
        read_rules('{"timeout": {"severity": "loud"}}')


def test_every_mistake_in_a_rule_file_has_its_line():
    """All of them at once, each with file, line and remedy; a rule that is not named keeps its defaults."""
    text = "timeout:\n  severity: loud\n  enabled: maybe\ncrsh: {enabled: false}\nedge-ok-error-log:\n  expected: [404, null]\ntimeout: {}\ncrash: off\n"
    with pytest.raises(MisconfiguredError) as caught:
        read_rules(text, name="rules.yaml")
    told = caught.value.problems
    assert [problem.partition(": ")[0] for problem in told] == [f"rules.yaml:{line}" for line in (2, 3, 4, 6, 7, 8)]
    assert "did you mean crash" in told[2]
    assert "again, after line 1" in told[4]
    assert read_rules('{"timeout": {"enabled": false}}') == {**default_rules(), "timeout": read_rules("timeout: {enabled: no}")["timeout"]}
    assert read_rules("# nothing\n") == default_rules()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("timeout: {enabled: !!bool maybe}", "rules:1: enabled must be true or false, not 'maybe'"),
        ('timeout: {enabled: "false"}', "rules:1: enabled must be true or false, not 'false'"),
        ("timeout: {severity: ALERT}", "rules:1: severity must be alert or notice, not 'ALERT'"),
        ("crash: {}\ntimeout: \x01", "rules:2: this is no YAML: take out the character '\\x01'"),
        ("timeout: " + "[" * 5000, "rules:1: this is nested too deep"),
        ("timeout: &a {}\ncrash: {<<: *a}", "rules:2: there is no setting '<<'"),
        ("- timeout", "rules:1: expected a rule's name"),
        ("timeout:\n\tseverity: notice", "rules:2: this is no YAML"),
        ('crash: {}\ntimeout: "\\U14473709"', "rules:2: this is no YAML: an escape"),
        ('"\\UFFFFFFFF', "rules:1: this is no YAML: an escape"),
        ("timeout:\n  severity: notice\n  severity: alert", "rules:3: severity stands here again, after line 2"),
        ("? [a]\n: b", "rules:1: there is no rule ''"),
        ("&a\ntimeout: *a", "rules:2: there is no setting 'timeout'"),
    ],
)
def test_an_odd_rule_file_is_refused_in_a_line(text, told):
    """One mistake, one line, with the line of the file that it stands in."""
    with pytest.raises(MisconfiguredError) as caught:
        read_rules(text)
    (problem,) = caught.value.problems
    assert problem.startswith(told)
    assert "\n" not in problem


def test_a_rule_file_that_is_no_text(tmp_path):
    """A folder, and a file in another encoding: neither raises anything else."""
    (tmp_path / "rules.yaml").write_bytes("timeout: {services: [ä]}".encode("latin-1"))
    with pytest.raises(MisconfiguredError, match="save it as UTF-8"):
        read_rule_file(str(tmp_path / "rules.yaml"))
    with pytest.raises(MisconfiguredError, match="can't be read"):
        read_rule_file(str(tmp_path))
