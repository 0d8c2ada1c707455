"""A campaign finds what it is there to find: shown on targets that are broken on purpose."""

import json

import pytest

from fuzz import campaign
from fuzz.cost import Growth, cost_of
from fuzz.memory import Memory
from fuzz.minimise import minimised
from fuzz.report import findings, table
from fuzz.target import Target, hold

WORDS = ["an ordinary line", "another line of a log", '{"level":"INFO"}']


class Broken(Target):
    """Raises something undocumented for a bracket, breaks a promise for a backslash, and refuses a digit as it should."""

    name = "broken"
    documented = (ValueError,)

    def check(self, given):
        if "{" in given:
            raise KeyError(given)
        hold("no backslash", "\\" not in given)
        if "9" in given:
            raise ValueError


class Quadratic(Target):
    """Goes through the text as often as it is long."""

    name = "quadratic"

    def check(self, given):
        found = ""
        for _ in range(len(given) // 64):
            found = given.replace("a", "b")
        hold("", found is not None)


class Linear(Target):
    """Goes through the text a number of times that does not depend on it."""

    name = "linear"

    def check(self, given):
        for _ in range(200):
            given.replace("a", "b")


@pytest.fixture
def broken():
    """The broken target."""
    return Broken(WORDS, ["piece"])


def test_each_kind_of_failure_is_found_once_with_the_smallest_input(broken):
    """What escapes and what breaks a promise are failures, counted by kind; what is documented is refused. Each comes again by its seed."""
    result = campaign.run(broken, range(600), total=600)
    kinds = {failure.kind: failure for failure in result.failures.values()}
    (escape,) = (failure for kind, failure in kinds.items() if kind.startswith("KeyError"))
    assert escape.given == "{"
    assert escape.number > 1
    assert kinds["Violation: no backslash"].given == "\\"
    assert len(kinds) == 2
    assert result.inputs == 600
    assert result.refused > 0
    assert not result.ok
    for failure in kinds.values():
        assert campaign.failure_of(broken, campaign.input_of(broken, failure.seed)) == failure.kind
        assert campaign.failure_of(broken, failure.given) == failure.kind


def test_a_finding_says_how_to_repeat_it(broken):
    """One command, and the input as a case file holds it."""
    (text,) = (text for text in findings(campaign.run(broken, range(100), total=100), []) if "backslash" in text)
    assert "\n  python -m fuzz broken --seed " in text
    assert json.loads(text.splitlines()[-1]) == {"target": "broken", "input": "\\"}


def test_what_grows_faster_than_its_length_is_found():
    """Quadratic cost is too dear, linear cost is not, whatever the machine."""
    growth = Growth("", "ab", "")
    assert Growth("x", "[", "y", "]").text(8) == "x[[[[]]]]y"
    assert cost_of(Quadratic(WORDS, ["x"]), growth).too_dear
    assert not cost_of(Linear(WORDS, ["x"]), growth).too_dear


def test_a_dear_probe_is_reported(broken):
    """With the seed and the text that repeats it."""
    target = Quadratic(WORDS, ["ab"])
    result = campaign.run(target, range(1), total=1)
    campaign.probe(target, range(1), result)
    (text,) = findings(result, [])
    assert "python -m fuzz quadratic --growth --seed 0" in text
    assert set(json.loads(text.splitlines()[-1])["growth"]) == {"before", "piece", "behind", "closing"}
    assert "quadratic" in table([result])


def test_memory_that_grows_is_seen():
    """The end is compared with the second quarter, when caches are full; peaks pass."""
    memory = Memory()
    memory.samples = [50, 60, 100, 100, 101, 180, 101, 102]
    assert memory.flat
    memory.samples = [50, 60, 100, 100, 120, 130, 140, 150]
    assert memory.growth == 40
    assert not memory.flat


def test_a_campaign_ends_when_its_time_is_up(broken):
    """However many inputs there are."""
    assert campaign.run(broken, range(10**9), total=10**9, until=0.0).inputs == 0


def test_minimising_takes_away_entries_and_parts_of_texts():
    """At any depth; what the failure needs stays."""
    given = {"messages": ["nothing", "some text with a needle in it", "nothing"], "group": "g"}
    small = minimised(given, lambda candidate: any("needle" in text for text in candidate["messages"]))
    assert small == {"messages": ["needle"], "group": ""}


def test_the_same_seed_makes_the_same_input(broken):
    """So that one line repeats a failure."""
    assert campaign.input_of(broken, 7) == campaign.input_of(Broken(WORDS, ["piece"]), 7)
    assert len({campaign.input_of(broken, seed) for seed in range(50)}) > 30
