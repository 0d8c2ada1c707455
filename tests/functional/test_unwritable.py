"""Indices that take no writes: their traces are left and counted, and all others settle, alert and go on."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.configure import store_for
from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from tests.support.blocked_index import CLOSED, FLOOD, READ_ONLY, BlockedIndices
from tests.support.events import NOW, Traces, function, lambda_event, powertools, report, service
from tests.support.gatekeeper import Gatekeeper
from tests.support.shipping import lines_of, shipped

DAY = 86_400_000
YESTERDAY = datetime.fromtimestamp((NOW - DAY) / 1000, UTC).strftime("%Y.%m.%d")
FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]}}


class Told:
    """A topic that keeps what it is told."""

    def __init__(self):
        self.messages = []

    def publish(self, subject, text, attributes):
        self.messages.append(text)


def trace_of(number, at=NOW):
    """A trace id, and what X-Ray and the log have of the trace: a failure behind a success."""
    id_, request = f"{at // 1000:08x}{number:024x}", f"52fdfc07-2182-454f-963f-{number:012d}"
    times = {"start_time": at / 1000, "end_time": at / 1000 + 0.2}
    segment, run = f"{number:016x}", f"{number + 5000:016x}"
    documents = (service(segment, trace_id=to_xray(id_), aws={"request_id": request}, error=True, **times),
                 function(run, segment, trace_id=to_xray(id_), **FAILED, **times))  # fmt: skip
    line = report(request, id_).replace("0285bf1261be05ff", segment)
    return id_, line, documents


@pytest.fixture
def proxy(endpoint):
    """The store's OpenSearch behind a proxy."""
    with BlockedIndices(endpoint) as proxy:
        yield proxy


@pytest.fixture
def days(store, settings):
    """60 traces of yesterday and 20 of today, shipped and not looked up yet: ids of yesterday, of today, and X-Ray's documents."""
    old = [trace_of(number, NOW - DAY) for number in range(1, 61)]
    new = [trace_of(number) for number in range(201, 221)]
    shipped(lambda_event([line for _, line, _ in old], at=NOW - DAY), store, settings)
    shipped(lambda_event([line for _, line, _ in new], first=5000), store, settings)
    documents = [document for *_, documents in (*old, *new) for document in documents]
    return [id_ for id_, *_ in old], [id_ for id_, *_ in new], documents


def states(store, ids):
    """The states that the lines of these traces show."""
    return {document["trace"]["state"] for id_ in ids for document in lines_of(store, id_) if document["doc"]["kind"] == "log"}


def worker_through(proxy, settings, source, topic, now=NOW / 1000 + 60):
    """A worker that reaches OpenSearch through the proxy."""
    through = store_for(replace(settings, endpoint=proxy.endpoint))
    return Resolver(store=through, source=source, settings=settings, topic=topic, clock=lambda: now)


@pytest.mark.parametrize("refusal", [FLOOD, READ_ONLY, CLOSED], ids=["flood stage", "read only", "closed"])
@pytest.mark.parametrize("kind", ["spans", "logs"])
def test_the_traces_of_another_day_settle_and_alert(store, settings, proxy, days, refusal, kind):
    """Yesterday's spans or lines can't be written: today's traces end in one sweep, yesterday's are counted, and end after the cure."""
    old, new, documents = days
    source, topic = Traces(*documents), Told()
    proxy.blocked, proxy.refusal, proxy.unreadable = {f"-{kind}-{YESTERDAY}"}, refusal, refusal is CLOSED
    worker = worker_through(proxy, settings, source, topic)
    swept = worker.sweep()
    assert swept.unwritable.keys() == set(old)
    assert all(YESTERDAY in reason for reason in swept.unwritable.values())
    assert set(swept.unsettled) >= set(old)
    # a line shows the verdict as soon as it can be written, though spans are missing
    assert (swept.settled, states(store, new), states(store, old)) == (20, {"complete"}, {"complete" if kind == "spans" else "pending"})
    assert topic.messages
    proxy.blocked = set()
    assert worker.sweep().settled == 60
    assert states(store, [*old, *new]) == {"complete"}


def test_an_alert_does_not_wait_for_a_line_that_cannot_be_written(store, settings, proxy, days):
    """The verdict is stored, and the message goes out once; the lines show it after the cure."""
    old, _, documents = days
    topic = Told()
    worker = worker_through(proxy, settings, Traces(*documents), topic)
    proxy.blocked = {f"-logs-{YESTERDAY}"}
    for _ in range(2):
        assert worker.resolve(old[:1], force=True).unsettled == (old[0],)
    assert len(topic.messages) == 1
    proxy.blocked = set()
    assert worker.resolve(old[:1]).settled == 1
    assert (len(topic.messages), states(store, old[:1])) == (1, {"complete"})


def test_hints_of_unwritable_traces_come_again_and_the_others_settle(store, settings, proxy, days):
    """A batch of both days raises nothing; what is left is named, so that a later hint follows."""
    old, new, documents = days
    proxy.blocked = {f"-spans-{YESTERDAY}", f"-logs-{YESTERDAY}"}
    done = worker_through(proxy, settings, Traces(*documents), Told()).resolve([*old[:50], *new])
    assert (done.settled, set(done.unsettled)) == (20, set(old[:50]))


def test_where_records_themselves_cannot_be_written_the_sweep_still_ends(store, settings, proxy, days):
    """Nothing settles, all is counted, alerts and purges have their turn, and it does not take a request for each trace."""
    old, new, documents = days
    proxy.blocked = {"-traces"}
    swept = worker_through(proxy, settings, Traces(*documents), Told()).sweep()
    assert swept.unwritable.keys() == {*old, *new}
    assert swept.settled == 0


def test_one_record_that_cannot_be_written_holds_up_no_other(store, settings, proxy, days):
    """A single trace's record is refused each time, such as by a shard that is away: the trace is found among the others, and left."""
    old, new, documents = days
    proxy.blocked = {f"-traces/{old[7]}", f"-traces/{new[3]}"}
    done = worker_through(proxy, settings, Traces(*documents), Told()).sweep()
    assert (done.settled, done.unwritable.keys()) == (78, {old[7], new[3]})


def test_a_sweep_begins_elsewhere_each_time(store, settings):
    """With time for one group a sweep, no trace waits for ever behind others that do not end."""
    ids = {f"{number:032x}" for number in range(1, 251)}
    lines = [powertools("a", trace=id_, request=f"52fdfc07-2182-454f-963f-{id_[-12:]}") for id_ in ids]
    shipped(lambda_event(lines), store, settings)
    now, seen = [NOW / 1000 + 60], set()
    for _ in range(5):
        turns = iter([True])
        source = Traces()
        source.look_up = lambda _wanted: {}
        worker = Resolver(store=store, source=source, settings=settings, clock=lambda: now[0])
        left = worker.sweep(go_on=lambda turns=turns: next(turns, False)).unsettled
        # the group that had its turn is open still, and stands first
        seen |= set(left[:100])
        now[0] += 300
    assert seen == ids


def test_one_purge_that_fails_does_not_stop_the_others(store, settings, endpoint):
    """A blocked index of alerts: the sweep says so, and deletes what it can."""
    with Gatekeeper(endpoint) as keeper:
        refused = {
            "error": {"type": "cluster_block_exception", "reason": "index [x] blocked by: [FORBIDDEN/8/index write (api)];"},
            "status": 403,
        }
        keeper.answers[f"/{settings.prefix}-traces/_delete_by_query"] = (403, refused)
        worker = worker_through(keeper, settings, Traces(), None)
        (reason,) = worker.sweep().undeleted
    assert "blocked by" in reason
    assert [path for path in keeper.seen if path.endswith("-alerts/_delete_by_query")]
