"""Run sources: what becomes of a look-up in several accounts, and where each trace is looked up."""

from itertools import permutations

import pytest

from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.model.places import Place, place_in, places_of
from pipeline.traces.sources.account_sources import AccountSources
from pipeline.traces.sources.run_sources import RunSources
from pipeline.traces.sources.source import LookupResult

A, B = Place("111111111111", "eu-west-1"), Place("222222222222", "eu-west-1")
ONE, TWO = "1" * 32, "2" * 32


class Source:
    """A source that answers each trace with the same result, None to put it off, and counts how often it was asked."""

    name = "BatchGetTraces"

    def __init__(self, result):
        self.result = result
        self.calls = 0
        self.asked = []

    def look_up(self, wanted):
        self.calls += 1
        self.asked.append(list(wanted))
        return dict.fromkeys(wanted, self.result) if self.result else {}


class Reach:
    """Other places by name; an error for a place without a way."""

    def __init__(self, **sources):
        self.sources = sources

    def is_seen(self, place):
        return place.account not in self.sources and place.account == "000000000000"

    def source(self, place):
        source = self.sources[f"a{place.account[0]}"]
        if isinstance(source, Exception):
            raise source
        return source


def result_of(home, a, b, *, now=(0.0,)):
    """The result of a trace that ran at home and in two other accounts."""
    accounts = AccountSources(Source(home), Reach(a1=Source(a), a2=Source(b)), lambda: now[0])
    places = {ONE: ("000000000000:eu-west-1", str(A), str(B))}
    return RunSources(accounts).look_up({ONE: 1}, places).get(ONE)


FOUND, ABSENT, DENIED = LookupResult("found", ("{}",)), LookupResult("absent"), LookupResult("denied", reason="no")
AWAY, LIMITED, LATER = LookupResult("unreachable", reason="out"), LookupResult("limitExceeded", ("{}",)), LookupResult("unprocessed")
OFF = LookupResult("sourceDisabled")


@pytest.mark.parametrize(
    ("parts", "outcome"),
    [
        ((FOUND, ABSENT, ABSENT), "found"),
        ((FOUND, DENIED, ABSENT), "found"),
        ((FOUND, AWAY, ABSENT), "unprocessed"),
        ((FOUND, LATER, ABSENT), "unprocessed"),
        ((FOUND, None, ABSENT), "unprocessed"),
        ((LIMITED, FOUND, None), "limitExceeded"),
        ((ABSENT, ABSENT, ABSENT), "absent"),
        ((ABSENT, DENIED, ABSENT), "denied"),
        ((DENIED, AWAY, ABSENT), "unreachable"),
        ((ABSENT, LATER, OFF), "unprocessed"),
        ((ABSENT, OFF, ABSENT), "sourceDisabled"),
        ((ABSENT, None, DENIED), None),
        ((None, None, None), None),
    ],
)
def test_what_several_accounts_answer_is_one_result(parts, outcome):
    """The same whichever account says what: what is found counts, what may still come keeps it open, and no refusal is an absence."""
    for order in set(permutations(parts)):
        result = result_of(*order)
        assert (result.outcome if result else None) == outcome
        assert len(result.documents if result else ()) == sum(len(part.documents) for part in parts if part and result)


def test_documents_keep_their_account():
    """Those of the stack's own account have none; the accounts that refused are named, unless that account itself is away."""
    result = result_of(FOUND, FOUND, DENIED)
    assert result.owners == ("", A.account)
    assert result.refused_by == (str(B),)
    assert result.reason == f"account {B.account}, {B.region}: no"
    assert result_of(AWAY, ABSENT, DENIED).refused_by == ()


def test_one_account_s_failure_opens_no_other_breaker():
    """In a run each is asked until it fails, and the others go on; a refusal is remembered for a minute, in the next run, too."""
    now = [0.0]
    home, a, b = Source(ABSENT), Source(DENIED), Source(FOUND)
    accounts = AccountSources(home, Reach(a1=a, a2=b), lambda: now[0])
    places = {ONE: (str(A),), TWO: (str(B),), "3" * 32: ()}
    wanted = dict.fromkeys(places, 1)
    run = RunSources(accounts, clock=lambda: now[0])
    for _ in range(2):
        results = run.look_up(wanted, places)
        assert [results[id_].outcome for id_ in wanted] == ["denied", "found", "absent"]
    assert run.open_by is None
    assert (home.calls, a.calls, b.calls, accounts.calls) == (2, 1, 2, 5)
    RunSources(accounts, clock=lambda: now[0]).look_up(wanted, places)
    assert a.calls == 1
    now[0] = 61.0
    RunSources(accounts, clock=lambda: now[0]).look_up(wanted, places)
    assert a.calls == 2


@pytest.mark.parametrize(("error", "outcome"), [(MisconfiguredError(["no way"]), "denied"), (UnavailableError("out"), "unreachable")])
def test_where_there_is_no_way_the_trace_says_so(error, outcome):
    """The account is named."""
    accounts = AccountSources(Source(FOUND), Reach(a1=error))
    result = RunSources(accounts).look_up({ONE: 1}, {ONE: (str(A),)})[ONE]
    assert (result.outcome, result.reason) == (outcome, f"account {A.account}, eu-west-1: {error}")


def test_who_had_to_wait_comes_first_next_time():
    """Other accounts share some seconds; none starves."""
    now = [0.0]

    class Slow(Source):
        def look_up(self, wanted):
            now[0] += 20
            return super().look_up(wanted)

    a, b = Slow(FOUND), Slow(FOUND)
    accounts = AccountSources(Source(ABSENT), Reach(a1=a, a2=b), lambda: now[0])
    places = {ONE: (str(A),), TWO: (str(B),)}
    for expected in ([ONE], [TWO], [ONE]):
        assert list(RunSources(accounts, clock=lambda: now[0]).look_up(dict.fromkeys(places, 1), places)) == expected


def test_a_source_alone_is_asked_for_everything():
    """As the laptop's and the tests' own."""
    source = Source(FOUND)
    assert RunSources(source).look_up({ONE: 1}, {ONE: (str(A),)}) == {ONE: FOUND}


@pytest.mark.parametrize(
    "text", ["", ":", "1:eu-west-1", "111111111111", "111111111111:", "111111111111:x", "111111111111:eu-west-1 ", None]
)
def test_what_is_no_place(text):
    """A record that somebody changed names no place."""
    assert place_in(text or "") is None
    account, _, region = (text or "").partition(":")
    assert places_of(account, region) == ()
