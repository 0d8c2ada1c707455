"""Days by verdict and kind, and lines without a trace: what is healthy goes earlier, whole transactions at a time."""

import time

import pytest

from pipeline.errors import MisconfiguredError
from pipeline.retain.policy import Policy, place_of
from pipeline.retain.untraced_lines import sample_untraced
from tests.support.events import NOW, REQUEST, end, lambda_event, powertools, report, start
from tests.support.policies import record, stored_lines, sweep, with_policy
from tests.support.shipping import lines_of, shipped
from tests.support.stores import both_kinds

DAY = 86_400_000
OLD = NOW - 8 * DAY


def of(trace, request, *, level="INFO", **more):
    """An invocation that was not sampled."""
    return [
        start(request),
        powertools("work", request=request, trace=trace, level=level, **more),
        end(request),
        report(request, trace, sampled=False),
    ]


@both_kinds
def test_healthy_lines_go_after_their_days(store, settings, tmp_path):
    """Those of a failed transaction stay, all of its traces; so does what is younger, and what is of a kind without days."""
    options = with_policy(settings, tmp_path, "days: {healthy: {logs: 7}}")
    requests = [f"{number:08x}-2182-454f-963f-5f0f9a621d72" for number in range(5)]
    traces = [f"{OLD // 1000:08x}{number:024x}" for number in range(5)]
    shipped(lambda_event(of(traces[0], requests[0]), at=OLD, first=10), store, options)
    shipped(lambda_event(of(traces[1], requests[1], correlation_id="c-1"), at=OLD, first=20), store, options)
    shipped(lambda_event(of(traces[2], requests[2], correlation_id="c-1", level="ERROR"), at=OLD, first=30), store, options)
    shipped(lambda_event(of(traces[3], requests[3]), at=NOW - 6 * DAY, first=40), store, options)
    shipped(lambda_event(["no trace of mine"], at=OLD, first=50), store, options)
    for _ in range(2):
        sweep(store, options)
    left = {id_: len(lines_of(store, id_)) for id_ in traces[:4]}
    # the second and the third are one transaction
    assert left == {traces[0]: 0, traces[1]: 8, traces[2]: 8, traces[3]: 4}
    assert record(store, traces[0])["healthy"] is True
    assert len(stored_lines(store)) == 13


def test_records_and_lines_without_a_trace_have_days_of_their_own(store, settings, tmp_path):
    """A healthy record goes after its days, and a line without a trace after its own."""
    options = with_policy(settings, tmp_path, "days: {healthy: {traces: 7}, untraced: {logs: 3}}")
    old = f"{OLD // 1000:08x}{1:024x}"
    shipped(lambda_event(of(old, REQUEST), at=OLD), store, options)
    shipped(lambda_event(["no trace of mine"], at=NOW - 4 * DAY, first=50), store, options)
    shipped(lambda_event(["nor of mine"], at=NOW - 2 * DAY, first=60), store, options)
    for _ in range(2):
        sweep(store, options)
    assert store.get_many([(f"{store.prefix}-traces", old)]) == [None]
    store.refresh()
    assert len(stored_lines(store)) == 5


def streams_in(share, count):
    """Names of log streams that are in this share, and as many that are not."""
    names = [f"s{number}" for number in range(400)]
    inside = [name for name in names if place_of(f"/ecs/app/{name}/123456789012") < share]
    return inside[:count], [name for name in names if name not in inside][:count]


@both_kinds
def test_lines_without_a_trace_go_by_their_stream(store, settings):
    """Of their share they stay; where something failed in the stream they stay; what goes is counted, and nothing is looked at for ever."""
    (kept,), (gone, failing) = (names[:number] for names, number in zip(streams_in(0.5, 2), (1, 2), strict=True))
    for number, name in enumerate((kept, gone, failing)):
        lines = ["one", "two", "ERROR: three" if name == failing else "three"]
        shipped(lambda_event(lines, group="/ecs/app", stream=name, first=10 * number), store, settings)
    store.refresh()
    policy = Policy(name="policy.yaml", keep=0.5)
    assert sample_untraced(policy, store, lambda: NOW / 1000 + 3000) == 0, "the grace period is not over"
    assert sample_untraced(policy, store, lambda: NOW / 1000 + 3700) == 3
    assert sample_untraced(policy, store, lambda: NOW / 1000 + 5 * 3600) == 0
    store.refresh()
    left = store.search({"size": 20}, index=f"{store.prefix}-logs-*")["hits"]["hits"]
    assert {hit["_source"]["aws"]["logStream"] for hit in left} == {kept, failing}
    assert len(left) == 6
    (ledger,) = store.search({"size": 20}, index=f"{store.prefix}-sampled-out")["hits"]["hits"]
    assert (ledger["_source"]["lines"], ledger["_source"]["reason"]) == (3, "policy.yaml")


def test_a_crash_counts_a_line_without_a_trace_rather_twice_than_never(store, settings):
    """The count is written first: what dies between the two leaves lines that the next run counts again, under the same id."""
    shipped(lambda_event(["one", "two"], group="/ecs/app", stream="s"), store, settings)
    store.refresh()
    policy = Policy(keep=0.0)
    write = store.write
    store.write = lambda lines: write(lines) if "index" in lines[0] else (_ for _ in ()).throw(RuntimeError)
    with pytest.raises(RuntimeError):
        sample_untraced(policy, store, lambda: NOW / 1000 + 3700)
    store.write = write
    assert sample_untraced(policy, store, lambda: NOW / 1000 + 3700) == 2
    store.refresh()
    assert stored_lines(store) == []
    (ledger,) = store.search({"size": 20}, index=f"{store.prefix}-sampled-out")["hits"]["hits"]
    assert ledger["_source"]["lines"] == 2


def test_old_days_go_as_a_whole_where_no_lifecycle_policy_is(store, settings):
    """The embedded OpenSearch has no Index State Management, so the sweep deletes what was made before the retention; what is held stays."""
    shipped(lambda_event(of(f"{NOW // 1000:08x}{1:024x}", REQUEST)), store, settings)
    assert store.expire(days=1) == 0
    with pytest.MonkeyPatch.context() as patch:
        now = time.time()
        patch.setattr("pipeline.store.old_days.time.time", lambda: now + 2 * 86_400)
        assert store.expire(days=1) == 1
    assert stored_lines(store) == []


def test_an_opensearch_with_a_lifecycle_plugin_keeps_that_to_itself(store, monkeypatch):
    """Whoever may not read its policies is refused, and deletes nothing either."""
    refused = MisconfiguredError(["no permissions"])
    refused.status = 403
    monkeypatch.setattr(store, "find", lambda *_: (_ for _ in ()).throw(refused))
    assert store.expire(days=1) == 0
