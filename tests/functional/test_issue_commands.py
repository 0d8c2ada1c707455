"""`tracejoin issues` and `tracejoin issue`, in processes of their own, on the embedded and a real OpenSearch."""

import os
import threading

import pytest

from accuracy.grouping.causes import Cause
from tests.support.command import rows, tracejoin
from tests.support.issue_world import NO_PRICE, IssueWorld
from tests.support.stores import both_kinds

HOSTILE = Cause(name="hostile", message="[bold]no[/] \x1b[31m\u202e stock <number>", error="Bad[red]Error")


@pytest.fixture
def world(store, settings):
    """Three faults of one cause and one of another."""
    world = IssueWorld(store, settings)
    world.fail(times=3)
    world.fail(NO_PRICE)
    return world


@pytest.fixture
def run(world):
    """Calls the command for this world."""

    def call(*arguments, **environment):
        where = {"TRACEJOIN_ENDPOINT": world.settings.endpoint, "TRACEJOIN_PREFIX": world.settings.prefix, "TRACEJOIN_AUTHOR": "ann"}
        return tracejoin(*arguments, **(where | environment))

    return call


def stock(world):
    """The issue with three traces."""
    return world.issues()["no stock for order *"]


@both_kinds
def test_issues_are_listed_and_shown(run, world):
    """New ones first, each with its numbers, its place and what callers were told; one with its first version, its examples and changes."""
    status, said, warned = run("issues", "--json")
    found = rows(said)
    assert (status, warned, [each["state"] for each in found]) == (0, "", ["new", "new"])
    own = next(each for each in found if each["id"] == stock(world).id)
    assert (own["traces"], own["toldSuccess"], own["told"]) == (3, 3, [{"clientSaw": "success", "status": 200, "traces": 3}])
    assert own["fingerprint"]["entry"] == "POST /prod/orders/*"
    assert own["entries"] == [{"name": "shop/prod", "traces": 3}]
    assert sum(bucket["traces"] for bucket in own["buckets"]) == 3
    status, said, _ = run("issue", own["id"][:8], "--json")
    (shown,) = rows(said)
    assert [example["version"] for example in shown["examples"]] == ["$LATEST"] * 3
    assert len({example["traceId"] for example in shown["examples"]}) == 3
    assert shown["firstArn"].endswith(":function:orders")
    for pasted in (f'"{own["id"]}"', f"({own['id'][:8]})", f"{own['id']},"):
        assert rows(run("issue", pasted, "--json")[1]) == [shown]
    _, said, _ = run("issue", own["id"])
    for part in (own["id"], "new", "3 traces", "orders: ValueError: no stock for order *", "POST /prod/orders/* › orders", "the caller was told 200 (3 times)",
                 "in version $LATEST of arn:aws:lambda", "traces over time", "entry  shop/prod  3 traces"):  # fmt: skip
        assert part in said, part


def test_lists_are_narrowed(run, world):
    """By state, service, time and number; nothing is exit status 1, with the options that narrowed."""
    assert len(run("issues")[1].splitlines()) == 8
    assert len(rows(run("issues", "--limit", "1", "--json")[1])) == 1
    assert "1 more: raise --limit" in run("issues", "--limit", "1")[2]
    status, said, warned = run("issues", "--state", "known", "--service", "orders", "--json")
    assert (status, said) == (1, "")
    assert "no issues that meet --state, --service" in warned
    assert run("issues", "--service", "nobody")[0] == 1
    assert run("issues", "--since", "2099-01-01")[0] == 1
    assert run("issues", "--state", "odd")[0] == 2


@both_kinds
def test_a_person_decides(run, world):
    """Acknowledged, muted, reopened, resolved, each with time, author and note; a second ack is told who was first, and changes nothing."""
    id_ = stock(world).id
    status, said, _ = run("issue", "ack", id_, "--note", "it is mine")
    assert status == 0
    assert "known by ann: it is mine" in said
    status, said, _ = run("issue", "ack", id_, "--by", "bob")
    assert status == 0
    assert "is known already" in said
    assert "by ann" in said
    assert run("issue", "mute", id_, "--until", "3d", "--times", "10")[0] == 0
    assert run("issue", "reopen", id_, "--by", "bob")[0] == 0
    assert rows(run("issue", "resolve", id_, "--json")[1]) == [{"id": id_, "state": "resolved", "changed": True, "changes": 4}]
    changes = stock(world).changes
    assert [(change.state, change.by) for change in changes] == [("known", "ann"), ("muted", "ann"), ("known", "bob"), ("resolved", "ann")]
    assert (changes[1].times, changes[1].count, changes[3].version) == (10, 3, "$LATEST")
    assert "resolved in version $LATEST by ann" in run("issue", id_)[1]
    assert rows(run("issues", "--json")[1])[-1]["id"] == id_, "resolved ones come last"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("show", "0000"), 1, "no issue's id begins with 0000"),
        (("0" * 16,), 1, "there is no issue 0000000000000000"),
        (("x\x1b[31m",), 2, "is no issue's id"),
        (("zzzz",), 2, "is no issue's id"),
        (("bogus", "540e"), 2, "No such command 'bogus'"),
        (("mut", "540e"), 2, "Did you mean 'mute'?"),
        (("mute", "ID"), 2, "a mute needs an end"),
        (("mute", "ID", "--until", "soon"), 2, "is no time"),
        (("mute", "ID", "--until", "2001-01-01"), 2, "would end in the past"),
        (("mute", "ID", "--times", "0"), 2, "0"),
        (("reopen", "ID"), 1, "there is nothing to reopen"),
        (("ack", "ID", "--note", "x" * 1001), 2, "the note has 1,001 characters"),
        (("resolve", "ID", "--version", "1" * 101), 2, "the version has 101 characters"),
        (("mute", "ID", "--times", "9" * 30), 2, "after 1,000,000,000 traces at most"),
        (("ack",), 2, "Missing argument"),
        ((), 2, ""),
    ],
)
def test_bad_input_is_one_clear_line(run, world, arguments, status, said):
    """What was wrong, and what to do; nothing is changed."""
    found = run("issue", *(stock(world).id if each == "ID" else each for each in arguments))
    assert found[0] == status
    assert said in found[2]
    assert "\x1b" not in found[2]
    assert stock(world).changes == ()


def test_two_terminals_at_once(run, world):
    """Eight terminals acknowledge the same issue at the same time: all succeed, one change is kept."""
    id_ = stock(world).id
    answers = []
    threads = [
        threading.Thread(target=lambda name=f"p{number}": answers.append(run("issue", "ack", id_, "--by", name))) for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _, _ in answers] == [0] * 4
    (change,) = stock(world).changes
    assert sum("is known already" in said for _, said, _ in answers) == 3
    assert all(f"by {change.by}" in said for _, said, _ in answers)


def test_what_is_no_utf_8_is_kept_as_far_as_it_is(run, world):
    """A terminal of another encoding, or a broken paste: the decision counts, and a question mark stands for each such byte."""
    broken = os.fsdecode(b"b\xf6se")
    assert run("issue", "resolve", stock(world).id, "--note", broken, "--by", broken, "--version", broken)[0] == 0
    assert run("issue", "reopen", stock(world).id, TRACEJOIN_AUTHOR=broken)[0] == 0
    first, second = stock(world).changes
    assert (first.note, first.by, first.version, second.by) == ("b?se",) * 4


def test_hostile_faults_and_notes_do_not_steer_the_terminal(run, world):
    """Markup and controls of a message, a type and a note are shown as text, wide and in 80 columns."""
    world.fail(HOSTILE)
    hostile = next(issue for issue in world.issues().values() if "stock" in issue.fingerprint.message and issue.id != stock(world).id)
    assert run("issue", "ack", hostile.id, "--note", "[bold]\x1b[2J\u202e", "--by", "[red]a")[0] == 0
    for columns in ("80", "160"):
        for arguments in (("issues",), ("issue", hostile.id)):
            _, said, _ = run(*arguments, COLUMNS=columns)
            assert "\x1b" not in said
            assert "\u202e" not in said
    assert "[bold]no[/]" in said
    assert "by [red]a" in said
