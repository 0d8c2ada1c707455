"""The policy file: what it says is read, and every mistake in it is named with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import MisconfiguredError
from pipeline.retain.policy import KEEP_ALL, Asked, Days, Policy, ShareRule, Slow
from pipeline.retain.policy_file import read_policy, read_policy_file

WHOLE = """
keep: 10%
grace: 90m
slow: {percentile: 99.9, over: 3s}
asked:
  annotations: {debug: true}
  headers: {X-Keep: [1, "*"]}
  correlationIds: [vip-*]
rules:
  - services: [checkout, pay-*]
    keep: 50%
  - {logGroups: /aws/lambda/batch, level: WARN, keep: 0.5%}
days:
  healthy: {logs: 7, spans: 3, traces: 14}
  untraced: {logs: 2}
"""


def test_a_whole_file_is_read():
    """Each setting in its unit; a rule knows its line."""
    assert read_policy(WHOLE, name="policy.yaml") == Policy(
        name="policy.yaml",
        keep=0.1,
        grace_ms=5_400_000,
        slow=Slow(percentile=99.9, over_ms=3000),
        asked=Asked(annotations={"debug": ("true",)}, headers={"x-keep": ("1", "*")}, correlation_ids=("vip-*",)),
        rules=(
            ShareRule(services=("checkout", "pay-*"), keep=0.5, line=10),
            ShareRule(log_groups=("/aws/lambda/batch",), level=13, keep=0.005, line=12),
        ),
        days=Days(logs=7, spans=3, traces=14, untraced=2),
    )


def test_an_empty_file_keeps_everything():
    """So does one that only speaks of days."""
    assert read_policy("# nothing\n", name="the policy") == KEEP_ALL
    assert not read_policy("days: {healthy: {logs: 7}}").samples
    assert not KEEP_ALL.samples


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("keep: 10", "p.yaml:1: keep must be a share from 0% to 100%, such as 10%, not '10'"),
        ("keep: 101%", "p.yaml:1: keep must be"),
        ("keep: -1%", "p.yaml:1: keep must be"),
        ("\nkeeps: 1%", "p.yaml:2: there is no setting 'keeps': did you mean keep?"),
        ("keep: 1%\nkeep: 2%", "p.yaml:2: keep stands here again, after line 1"),
        ("grace: 5m", "p.yaml:1: grace must be 15m or longer"),
        ("grace: 366d", "p.yaml:1: grace must be 365d or shorter"),
        ("grace: soon", "p.yaml:1: grace must be a number with ms, s, m, h or d, such as 1h, not 'soon'"),
        ("slow: {percentile: 100}", "p.yaml:1: percentile must be above 0 and below 100, such as 99, not '100'"),
        ("slow: {percentile: 0.0}", "p.yaml:1: percentile must be above 0"),
        ("asked: {headers: [x]}", "p.yaml:1: expected names, each with a pattern of its value, such as `debug: true`, not a list"),
        ("rules: {keep: 1%}", "p.yaml:1: rules must be a list such as"),
        ("rules:\n- services: [a]", "p.yaml:2: this rule lacks its share, such as `keep: 50%`"),
        ("rules:\n- {services: [], keep: 1%}", "p.yaml:2: this rule is about everything"),
        ("rules:\n- {services: ['!a'], keep: 1%}", "p.yaml:2: services takes no !a: give these a rule of their own"),
        ("rules:\n- {level: loud, keep: 1%}", "p.yaml:2: level must be one of trace, debug, info, warn, error, fatal, not 'loud'"),
        ("days: {healthy: {logs: 0}}", "p.yaml:1: days must be a whole number above 0, not '0'"),
        ("days: {healthy: {lines: 3}}", "p.yaml:1: there is no kind 'lines'"),
        ("[1]", "p.yaml:1: expected what to keep, such as `keep: 10%`, not a list"),
        ("a: [", "p.yaml:1: this is no YAML"),
    ],
)
def test_each_mistake_is_told_with_its_line(text, told):
    """In one line: what is wrong, where, and what is expected."""
    with pytest.raises(MisconfiguredError) as caught:
        read_policy(text, name="p.yaml")
    assert caught.value.problems[0].startswith(told)


def test_all_mistakes_are_told_at_once(tmp_path):
    """Of a file that can't be read, that."""
    (tmp_path / "p.yaml").write_text("keep: x\ngrace: 1s\nrules: [{keep: 1%}, 3]\n")
    with pytest.raises(MisconfiguredError) as caught:
        read_policy_file(str(tmp_path / "p.yaml"))
    assert [problem.partition(": ")[0] for problem in caught.value.problems] == ["p.yaml:1", "p.yaml:2", "p.yaml:3", "p.yaml:3"]
    with pytest.raises(MisconfiguredError, match=r"the policy file .* can't be read"):
        read_policy_file(str(tmp_path / "none.yaml"))


@given(st.integers(0, len(WHOLE)), st.integers(0, 30), st.text(st.sampled_from("{}[]:-%&*!#|> \n\t\"'0a9\\U"), max_size=8))
def test_a_damaged_file_is_read_or_refused(at, length, put):
    """Whatever was typed into it: a policy, or mistakes of one line each with their place; never anything else."""
    policy, problems = KEEP_ALL, ["p.yaml:1: "]
    try:
        policy = read_policy(WHOLE[:at] + put + WHOLE[at + length :], name="p.yaml")
    except MisconfiguredError as error:
        problems = error.problems
    assert all(problem.startswith("p.yaml:") and "\n" not in problem for problem in problems)
    assert all(0 <= share <= 1 for share in (policy.keep, *(rule.keep for rule in policy.rules)))
