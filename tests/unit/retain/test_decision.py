"""The decision: a pure function of what is known, the same in any order; nothing that is wrong ever goes."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.verdict import FINAL, WHOLE, Finding, Root, Verdict
from pipeline.model.facts import RequestFact, SignalFact
from pipeline.model.trace_state import TraceState
from pipeline.retain.decision import decide, may_go
from pipeline.retain.policy import Asked, Policy, ShareRule, Slow, place_of, share_of
from pipeline.retain.slowness import Slowness
from pipeline.retain.whole_transactions import MOST_DOCUMENTS, WholeTransaction
from pipeline.store.results import Hit
from pipeline.store.trace_document import TraceRecord

NOW = 1_800_000_000_000
AT = NOW - 7_200_000
NONE = Policy(keep=0.0, slow=Slow())
NO_SLOWNESS = Slowness()


def record(number=1, *, state="complete", settled=True, at=AT, signals=None, **more):
    """A record whose only line is of this time; ``more`` goes into its verdict."""
    known = TraceState(
        requests={"r": RequestFact(request_id="r", log_group="/aws/lambda/a", first_at=at, last_at=at)}, signals=signals or {}
    )
    return TraceRecord(
        trace_id=f"{number:032x}", state=known, settled=settled, version=1, verdict=Verdict(state=state, state_reason="", **more)
    )


def line(number=1, **more):
    """A stored line of a trace."""
    source = {"doc": {"kind": "log"}, "traceId": f"{number:032x}", "serviceName": "a", "aws": {"logGroup": "/aws/lambda/a"}}
    return Hit(index="i", id=f"l{number}", source=source | more)


def test_the_grace_period_counts_from_the_verdict_too():
    """A trace of old events, as from a backfill, has as long as any other before it goes."""
    young = msgspec.structs.replace(record(), settled_at=NOW - NONE.grace_ms + 1)
    assert [outcome(whole(young), now=now) for now in (NOW, NOW + 1)] == ["waits", "goes"]


def whole(*records, documents=()):
    """A transaction of these records."""
    return WholeTransaction(id=records[0].trace_id, records={each.trace_id: each for each in records}, documents=list(documents))


def outcome(transaction, policy=NONE, now=NOW, slowness=NO_SLOWNESS):
    """What becomes of it."""
    return decide(policy, transaction, slowness, now).outcome


FINDING = Finding(rule="crash", severity="notice", service_name="a", span_id="", path=(), reported="200", evidence="", client_saw="unknown")
verdicts = st.fixed_dictionaries(
    {"state": st.sampled_from(sorted(FINAL | {"pending", "partial"}))},
    optional={
        "fault": st.booleans(),
        "error": st.booleans(),
        "throttle": st.booleans(),
        "client_saw": st.sampled_from(["success", "error", "unknown"]),
        "findings": st.sampled_from([(), (FINDING,)]),
    },
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "signals": st.sampled_from([[], ["error"]]),
        "severity": st.sampled_from([{"number": 9}, {"number": 17}, {"number": 21}]),
        "staleTraceId": st.just("a" * 32),
    },
)


@given(st.lists(st.tuples(verdicts, st.booleans(), documents), min_size=1, max_size=4), st.integers(AT - 1, NOW), st.randoms())
def test_only_what_is_wholly_well_goes(parts, now, random):
    """Every trace final, settled and healthy, no line that fails or is stale, the grace period over: else nothing goes, in whichever order."""
    made = [(record(number, settled=settled, **verdict), line(number, **more)) for number, (verdict, settled, more) in enumerate(parts, 1)]
    well = all(
        settled
        and verdict["state"] in WHOLE
        and not any(verdict.get(name) for name in ("fault", "error", "throttle", "findings"))
        and verdict.get("client_saw") != "error"
        and not more.get("signals")
        and "staleTraceId" not in more
        and more.get("severity", {"number": 0})["number"] < 17
        for verdict, settled, more in parts
    )
    shuffled = random.sample(made, len(made))
    first = whole(*(each for each, _ in made), documents=[hit for _, hit in made])
    second = WholeTransaction(id=first.id, records={each.trace_id: each for each, _ in shuffled}, documents=[hit for _, hit in shuffled])
    assert outcome(first, now=now) == outcome(second, now=now)
    assert (outcome(first, now=now) == "goes") == (well and now >= AT + NONE.grace_ms)


def test_a_line_that_the_record_holds_as_failing_is_enough():
    """The record's own facts count, also where the line itself is gone."""
    failing = record(signals={"l": SignalFact(line_id="l", signals=("error",))})
    assert outcome(whole(failing)) == "kept"
    assert not may_go(NONE, failing)
    assert may_go(NONE, record())


def test_slow_traces_stay():
    """Beyond a time, beyond the percentile of their entry, and where too few are known to tell; equal durations are not slow."""

    def took(milliseconds):
        return whole(record(root=Root(id="r", name="GET /", service_name="a", start=0, end=milliseconds * 1_000_000, failed=False)))

    over = Slowness(Slow(over_ms=3000))
    assert [outcome(took(ms), slowness=over) for ms in (2999, 3000, 3001)] == ["goes", "goes", "kept"]
    beyond = Slowness(Slow(percentile=99.0), {("a", "GET /"): 5e8})
    assert [outcome(took(ms), slowness=beyond) for ms in (500, 501)] == ["goes", "kept"]
    assert outcome(took(1), slowness=Slowness(Slow(percentile=99.0))) == "kept"


def test_headers_are_found_anywhere_in_a_line():
    """In an event of API Gateway, with one value or several, whatever their case; a pattern of another value does not count."""
    asked = Policy(keep=0.0, slow=Slow(), asked=Asked(headers={"x-keep": ("1", "yes*")}))
    for attributes in (
        {"event": {"headers": {"X-Keep": "1"}}},
        {"multiValueHeaders": {"x-keep": ["0", "yes!"]}},
        {"a": [{"Headers": {"x-keep": 1}}]},
    ):
        assert outcome(whole(record(), documents=[line(attributes=attributes)]), asked) == "kept"
    for attributes in ({"event": {"headers": {"X-Keep": "2"}}}, {"x-keep": "1"}, {"headers": ["x-keep"]}, None):
        assert outcome(whole(record(), documents=[line(attributes=attributes)]), asked) == "goes"


def test_a_transaction_with_very_many_documents_stays():
    """Its record could not hold which of them went."""
    assert outcome(whole(record(), documents=[line()] * (MOST_DOCUMENTS + 1))) == "kept"


def test_of_several_rules_the_largest_share_counts():
    """In any order; without one the share at the top."""
    rules = (
        ShareRule(keep=0.2, services=("a*",)),
        ShareRule(keep=0.5, log_groups=("*/a",), level=13),
        ShareRule(keep=0.1, services=("a",)),
    )
    for ordered in (rules, rules[::-1]):
        policy = Policy(keep=0.9, rules=ordered)
        shares = [share_of(policy, services, groups, level).keep for services, groups, level in (
            (("a",), ("/x/a",), 9), (("a",), ("/x/a",), 13), (("b",), ("/x/a",), 17), (("b",), (), 0))]  # fmt: skip
        assert shares == [0.2, 0.5, 0.5, 0.9]


@given(st.text(max_size=40), st.floats(0, 1))
def test_a_larger_share_holds_the_smaller_one(id_, share):
    """So a policy that keeps more keeps everything that one with less keeps."""
    assert 0 <= place_of(id_) < 1
    assert place_of(id_) >= share or place_of(id_) < min(share + 0.1, 1)


def test_shares_are_met():
    """Of 20,000 trace ids a tenth is in the tenth, give or take what chance does; and the hash is the same for ever."""
    kept = sum(place_of(f"{number:032x}") < 0.1 for number in range(20_000))
    assert 1850 < kept < 2150
    assert round(place_of(f"{1:032x}"), 6) == 0.787043
