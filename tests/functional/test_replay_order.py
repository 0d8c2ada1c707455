"""An order to ship, {"tracejoin": "replay"}, as Lambda hands it over: against the local AWS' S3 and an OpenSearch; the rest is handed on."""

import json
import time

import boto3
import pytest
from botocore.exceptions import ClientError

from pipeline.local.environment import REGION, local_client
from tests.support.events import lambda_event, powertools, report
from tests.support.handlers import FakeQueue, metrics_of
from tests.support.parked import Bucket, asynchronous
from tests.support.shipping import shipped

ORDER = {"tracejoin": "replay"}


class Turns:
    """Lambda's context of a function that has time for so many turns."""

    function_name = "f"

    def __init__(self, turns=10**6):
        self.turns = turns

    def get_remaining_time_in_millis(self):
        # asked once before each turn, and within a turn only as OpenSearch is slow
        self.turns -= 1
        return 40_000 if self.turns >= 0 else 10_000


class Invocations:
    """Lambda, which keeps what a function hands on to itself."""

    def __init__(self):
        self.payloads, self.refusal = [], None

    def invoke(self, **request):
        if self.refusal:
            raise self.refusal
        self.payloads.append(json.loads(request.pop("Payload")))
        assert request == {"FunctionName": "f", "InvocationType": "Event"}


@pytest.fixture
def invocations():
    """What was handed on."""
    return Invocations()


@pytest.fixture
def bucket(aws, settings):
    """A bucket of the test's own."""
    return Bucket(local_client("s3", aws), settings.prefix)


@pytest.fixture
def ship(monkeypatch, settings, store, aws, bucket, invocations):
    """The handler in the environment that template.yaml gives it; its hints go to a fake queue."""
    from shipper_function import queues, replay, ship

    for name, value in {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL_S3": aws,
                        "POWERTOOLS_METRICS_NAMESPACE": "tracejoin", "AWS_LAMBDA_FUNCTION_NAME": "f", "TRACEJOIN_ENDPOINT": settings.endpoint,
                        "TRACEJOIN_PREFIX": settings.prefix, "TRACEJOIN_PARKED_BUCKET": bucket.name, "TRACEJOIN_QUEUE_URL": "https://sqs.example/q"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session())
    queue = FakeQueue()
    monkeypatch.setattr(queues, "queue", lambda _: queue)
    s3 = local_client("s3", aws)
    monkeypatch.setattr(replay, "_client", lambda service: {"s3": s3, "lambda": invocations}[service])
    for cached in (ship.settings, ship.store):
        cached.cache_clear()
    ship.queue = queue
    yield ship
    for cached in (ship.settings, ship.store):
        cached.cache_clear()


def count(store, kind="logs-*"):
    """How many documents there are."""
    store.refresh()
    return store.search({"size": 0, "track_total_hits": True}, index=f"{store.prefix}-{kind}")["hits"]["total"]["value"]


def test_it_sends_again_sends_hints_and_counts(ship, store, bucket, capsys):
    """Like an event of CloudWatch Logs: documents, hints for resolve, metrics; and the ledger is the answer."""
    bucket.park(asynchronous(lambda_event([powertools("a"), report()])))
    elsewhere = bucket.park(asynchronous(lambda_event(["not of Lambda"])), "somewhere/else")
    answer = ship.handler(ORDER, Turns())
    assert (answer["found"], answer["replayed"], answer["events"]["indexed"], answer["handedOn"], answer["problem"]) == (1, 1, 2, False, "")
    assert (count(store), bucket.keys()) == (2, [elsewhere])
    assert len(ship.queue.sent) == 1
    metrics = metrics_of(capsys.readouterr().out)
    assert (metrics["replayed"], metrics["replay_kept"], metrics["indexed"], metrics["invocations"]) == ([1.0], [0.0], [2.0], [1.0])


def test_what_there_is_no_time_for_is_handed_on_until_all_is_done(ship, store, settings, bucket, invocations):
    """Each invocation goes on behind the last one, through the bucket and then through the letters; what fails is tried once; it ends."""
    for number in range(9):
        bucket.park(asynchronous(lambda_event(["a"], stream=str(number))), f"aws/lambda/async/f/{number}")
    strange = [bucket.park(b"strange", f"aws/lambda/async/f/{number}x") for number in range(3)]
    lines = [{"create": {"_index": f"{store.prefix}-dead-letters", "_id": f"{number:03d}"}} for number in range(60)]
    store.write(
        [
            each
            for number, line in enumerate(lines)
            for each in (line, {"@timestamp": f"2026-11-29T10:00:{number:02d}.000Z", "reason": "x", "document": "?"})
        ]
    )
    order, found, invoked, late = {**ORDER, "since": "2020-01-01"}, 0, 0, None
    while order:
        answer = ship.handler(order, Turns(12))
        found += answer["found"]
        invoked += 1
        assert answer["problem"] == ""
        order = invocations.payloads.pop() if answer["handedOn"] else None
        if order:
            assert order["since"] == "2020-01-01T00:00:00.000000Z"
            assert order["until"].endswith("Z")
        if late is None:
            # S3 tells whole seconds
            second = int(time.time())
            while int(time.time()) == second:
                time.sleep(0.05)
            late = bucket.park(asynchronous(lambda_event(["later"])), "aws/lambda/async/f/9")
        assert invoked < 50
    assert (found, count(store), invoked > 3) == (9 + 3 + 60, 9, True)
    assert bucket.keys() == sorted([*strange, late])


def test_a_limit_holds_for_the_whole_chain(ship, bucket, store, invocations):
    """So many at most, however often the rest is handed on."""
    for number in range(9):
        bucket.park(asynchronous(lambda_event(["a"], stream=str(number))), f"aws/lambda/async/f/{number}")
    order, handed_on = {**ORDER, "limit": 5}, 0
    while order:
        answer = ship.handler(order, Turns(3))
        order = invocations.payloads.pop() if answer["handedOn"] else None
        handed_on += bool(order)
    assert (len(bucket.keys()), count(store), handed_on > 0) == (4, 5, True)


def test_without_time_for_one_it_does_not_go_on_for_ever(ship, bucket, invocations):
    """A function whose timeout is too short says so instead of invoking itself again and again."""
    bucket.park(asynchronous(lambda_event(["a"])))
    answer = ship.handler(ORDER, Turns(0))
    assert (answer["handedOn"], invocations.payloads, len(bucket.keys())) == (False, [], 1)
    assert "no time for a single one" in answer["problem"]


def test_where_it_can_t_hand_on_it_says_what_to_do(ship, bucket, invocations):
    """No right, or no way to Lambda's API from a VPC: what was done is told, and that it has to be invoked once more."""
    for number in range(9):
        bucket.park(asynchronous(lambda_event(["a"], stream=str(number))), f"aws/lambda/async/f/{number}")
    invocations.refusal = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Invoke")
    answer = ship.handler(ORDER, Turns(4))
    assert (0 < answer["replayed"] < 9, answer["handedOn"], "once more" in answer["problem"]) == (True, False, True)


def test_where_opensearch_is_away_nothing_is_lost_and_nothing_raised(ship, monkeypatch, bucket, invocations):
    """Lambda would try an order that fails three times, and park it beside the events: it is answered instead."""
    monkeypatch.setenv("TRACEJOIN_ENDPOINT", "http://127.0.0.1:9")
    keys = [bucket.park(asynchronous(lambda_event(["a"])), f"aws/lambda/async/f/{number}") for number in range(7)]
    answer = ship.handler(ORDER, Turns())
    assert (answer["kept"], answer["replayed"], bucket.keys(), invocations.payloads) == (5, 0, keys, [])
    assert "5 in a row" in answer["problem"]


def test_a_dry_run_only_counts(ship, store, bucket, capsys):
    """Nothing is sent, deleted or counted as shipped."""
    keys = [bucket.park(asynchronous(lambda_event(["a"])))]
    answer = ship.handler({**ORDER, "dryRun": True}, Turns())
    assert (answer["replayed"], answer["dryRun"], bucket.keys(), count(store)) == (1, True, keys, 0)
    assert "indexed" not in metrics_of(capsys.readouterr().out)


@pytest.mark.parametrize("order", [
    {"tracejoin": "delete"}, {"tracejoin": ["replay"]}, {**ORDER, "since": "yesterday?"}, {**ORDER, "limit": 0}, {**ORDER, "limit": "all"}, {**ORDER, "bucket": "theirs"},
    {**ORDER, "position": {"letters": [{"a": 1}]}}, {**ORDER, "position": {"letters": ["x", "y", "z"]}}, {**ORDER, "reason": 7}, {**ORDER, "until": "x"}])  # fmt: skip
def test_a_wrong_order_is_answered_and_changes_nothing(ship, store, settings, bucket, order):
    """Whoever may invoke the function names no other bucket, and makes no query; the answer says in one line what was wrong."""
    shipped({"awslogs": {"data": "nonsense!"}}, store, settings)
    keys = [bucket.park(asynchronous(lambda_event(["a"])))]
    answer = ship.handler(order, Turns())
    assert (answer["replayed"], answer["handedOn"], bucket.keys(), count(store)) == (0, False, keys, 0)
    assert answer["problem"]
    assert "\n" not in answer["problem"]


def test_an_order_within_an_event_is_none(ship, store):
    """A log line, a Kinesis record or a Firehose record that looks like an order is a line, or a dead letter."""
    assert ship.handler(lambda_event([json.dumps(ORDER)]), Turns())["indexed"] == 1
    assert ship.handler({"Records": [{"kinesis": {"data": "eyJ0cmFjZWpvaW4iOiAicmVwbGF5In0="}}]}, Turns())["bad_envelopes"] == 1
