"""SweepBy=need: a collection that scales to zero is left alone while nothing happens, and nothing stays pending for ever."""

import itertools
import time
from functools import partial

import boto3
import pytest

from pipeline.errors import UnavailableError
from pipeline.local.environment import REGION
from pipeline.local.ministack import local_aws
from pipeline.local.xray import LocalXRay
from pipeline.model.trace_ids import to_xray
from pipeline.sweep_queue import PERIOD, SweepQueue
from tests.support.events import OTHER, OTHER_REQUEST, TRACE, document, function, lambda_event, packed, powertools, report, service
from tests.support.http_server import Forwarder, HttpServer
from tests.support.paths import UNMEASURED
from tests.support.serverless_collection import ENVIRONMENT, Collection
from tests.support.shipping import lines_of, shipped
from tests.support.stack import Stack
from tests.support.stack_time import StackTime

MINUTE, HOUR, DAY = 60, 3600, 86400
# the last look-up, a sweep afterwards, and one more
AWAKE = 40 * MINUTE
FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "no stock"}]}}


both_services = pytest.mark.parametrize("service_name", ["", "aoss"], ids=["OpenSearch", "collection"])


class Counter:
    """An OpenSearch that counts what it is asked, and may be away; ``behind`` answers a request."""

    def __init__(self, behind):
        self._behind = behind
        self.requests, self.away = [], False

    def answer(self, request):
        """What the OpenSearch behind it answers."""
        self.requests.append(f"{request.method} {request.path}")
        return (503, {}) if self.away else self._behind(request)


@pytest.fixture(scope="module")
def aws():
    """A local AWS of this module's own: the hourly round over the log groups of others would take its time."""
    with local_aws(UNMEASURED) as endpoint:
        yield endpoint


@pytest.fixture
def service_name():
    """Which service the OpenSearch is; a test may want a collection."""
    return ""


@pytest.fixture
def opensearch(endpoint, service_name):
    """The test's OpenSearch, or a collection in front of it, counting."""
    counter = Counter(Collection(endpoint).answer if service_name else Forwarder(endpoint))
    with HttpServer(counter.answer) as server:
        counter.endpoint = server.endpoint
        yield counter


@pytest.fixture
def world(monkeypatch, opensearch, service_name, settings, store, aws):
    """A stack that sweeps by need, in simulated time, with everything settled and asleep; X-Ray knows the traces."""
    from shipper_function import queues, resolve, ship, subscribe

    # a stack of its own environment, but for addresses of this machine
    world = StackTime({"ShipFunction": ship.handler, "ResolveFunction": resolve.handler, "SubscribeFunction": subscribe.handler,
                       "NotifyFunction": None}, OpenSearch="existing", OpenSearchEndpoint="http://x", SweepBy="need")  # fmt: skip
    ours = {"TRACEJOIN_ENDPOINT": opensearch.endpoint, "TRACEJOIN_PREFIX": settings.prefix, "TRACEJOIN_QUEUE_URL": world.url("HintQueue"),
            "TRACEJOIN_DEAD_LETTERS_URL": world.url("HintDeadLetters"), "TRACEJOIN_SWEEP_QUEUE_URL": world.url("SweepQueue"),
            "TRACEJOIN_ALERT_TOPIC": f"arn:aws:sns:{REGION}:000000000000:{settings.prefix}", "TRACEJOIN_SHIP_ARN": "arn:aws:lambda:eu-west-1:1:function:tj-ship",
            "TRACEJOIN_ALLOWED_ACCOUNTS": "123456789012", "TRACEJOIN_STACK_ID": "", "TRACEJOIN_OPENSEARCH_SERVICE": service_name}  # fmt: skip
    local = ENVIRONMENT | {"AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL_SNS": aws,
             "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": aws, "POWERTOOLS_TRACE_DISABLED": "1", "POWERTOOLS_METRICS_NAMESPACE": "tracejoin",
             "AWS_LAMBDA_FUNCTION_NAME": "tj-ship", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/tj-ship", "LOCAL_FUNCTION_ARN": "arn",
             "AWS_LAMBDA_LOG_STREAM_NAME": "s"}  # fmt: skip
    for name, value in (world.stack.environment("SubscribeFunction") | ours | local).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session())
    boto3.client("sns").create_topic(Name=settings.prefix)
    caches = (ship.settings, ship.store, resolve.resolver, queues.queue, queues.dead_letters, queues.sweeps, subscribe.log_groups)
    monkeypatch.setattr(queues, "_client", lambda _: world)
    for module, name in ((ship, "ship"), (resolve, "Resolver"), (queues, "SweepQueue")):
        monkeypatch.setattr(module, name, partial(getattr(module, name), clock=world.clock))
    for cached in caches:
        cached.cache_clear()
    with LocalXRay() as xray:
        monkeypatch.setenv("AWS_ENDPOINT_URL_XRAY", xray.endpoint)
        xray.put([service(), function()])
        xray.put([service("0285bf1261be0600", trace_id=to_xray(OTHER), aws={"request_id": OTHER_REQUEST}),
                  function("17e84e76450d1800", "0285bf1261be0600", trace_id=to_xray(OTHER))])  # fmt: skip
        world.xray = xray
        world.pass_(AWAKE)
        yield world
    for cached in caches:
        cached.cache_clear()


def ship(world, trace=TRACE, request="52fdfc07-2182-454f-963f-5f0f9a621d72", first=1):
    """CloudWatch Logs hands an event over, of a line and a REPORT."""
    event = lambda_event([powertools("paid", trace=trace, request=request), report(request, trace)], at=int(world.now * 1000), first=first)
    return world.call("ShipFunction", event)


def states(store, trace=TRACE):
    """The states that the lines and spans of a trace show."""
    return {found["trace"]["state"] for found in lines_of(store, trace)}


def asked_in(world, opensearch, seconds):
    """What OpenSearch is asked while time passes."""
    opensearch.requests.clear()
    world.pass_(seconds)
    assert world.failures == []
    return opensearch.requests


@both_services
def test_it_sleeps_until_a_line_comes_and_again_after_it(world, opensearch, store):
    """Ten idle minutes, and hours, are without a request; then a line comes, is settled, and all is quiet again, but for one sweep a day."""
    assert asked_in(world, opensearch, 10 * MINUTE) == []
    assert asked_in(world, opensearch, 3 * HOUR) == []
    assert ship(world)["indexed"] == 2
    assert asked_in(world, opensearch, AWAKE)
    assert states(store) == {"complete"}
    assert asked_in(world, opensearch, 10 * MINUTE) == []
    assert asked_in(world, opensearch, 3 * HOUR) == []
    world.fired.clear()
    assert asked_in(world, opensearch, DAY)
    assert [name for name, _ in world.fired if name != "Round"] == ["Sweep"]
    assert "Round" in {name for name, _ in world.fired}


def test_the_schedule_would_not_let_it_sleep(world, opensearch, monkeypatch):
    """The same stack with SweepBy=schedule asks within ten idle minutes: so the test above counts what it should."""
    scheduled = StackTime(world._handlers, OpenSearch="existing", OpenSearchEndpoint="http://x")
    monkeypatch.delenv("TRACEJOIN_SWEEP_QUEUE_URL")
    assert asked_in(scheduled, opensearch, 10 * MINUTE)
    assert "SweepQueue" not in scheduled.stack.resources


def test_what_is_not_shipped_wakes_nobody(world, opensearch):
    """CloudWatch Logs' own messages, the functions' own lines and those of strangers ask OpenSearch for nothing, then or later."""
    opensearch.requests.clear()
    control = {**document([]), "messageType": "CONTROL_MESSAGE"}
    events = [{"awslogs": {"data": packed(control)}}, lambda_event(["ours"], group="/aws/lambda/tj-resolve"),
              lambda_event(["theirs"], owner="999999999999")]  # fmt: skip
    for event in events:
        assert world.call("ShipFunction", event)["indexed"] == 0
    assert opensearch.requests == []
    assert asked_in(world, opensearch, HOUR) == []


@both_services
def test_a_lost_hint_is_found_without_a_schedule(world, opensearch, store):
    """Every hint is lost: the sweep that ship asked for settles the lines within ten minutes, and then all is quiet."""
    world.lost.add("HintQueue")
    ship(world)
    world.pass_(10 * MINUTE)
    assert states(store) == {"complete"}
    world.pass_(AWAKE)
    assert asked_in(world, opensearch, 10 * MINUTE) == []


def test_a_fault_is_told_once_though_its_hint_was_lost(world, store, aws, settings):
    """The sweep by need judges, notes the issue and sends its alert."""
    from pipeline.local.inbox import Inbox

    inbox = Inbox(aws, settings.prefix)
    inbox.subscribe(f"arn:aws:sns:{REGION}:000000000000:{settings.prefix}")
    world.xray.put([service("0285bf1261be05ff"), function(**FAILED)])
    world.lost.add("HintQueue")
    ship(world)
    world.pass_(AWAKE)
    assert len(inbox.receive()) == 1


def test_an_alert_that_sns_did_not_take_goes_out_without_another_line(world, store, settings, aws, monkeypatch):
    """A hint that comes late, when no sweep is asked for any more, asks for one itself: what it leaves is told."""
    from pipeline.local.inbox import Inbox
    from shipper_function import resolve

    inbox = Inbox(aws, settings.prefix)
    inbox.subscribe(f"arn:aws:sns:{REGION}:000000000000:{settings.prefix}")
    world.xray.put([service("0285bf1261be05ff"), function(**FAILED)])
    # from a laptop, say, which asks for no sweep
    shipped(lambda_event([powertools("fails", level="ERROR"), report()]), store, settings)
    hint = {"Id": "0", "MessageBody": f'{{"traceIds": ["{TRACE}"]}}'}
    with monkeypatch.context() as patch:
        patch.setattr(resolve.resolver()._dispatcher, "_topic", _Refusing())
        world.send_message_batch(world.url("HintQueue"), [hint])
        world.pass_(MINUTE)
    assert (states(store), inbox.receive()) == ({"complete"}, [])
    world.pass_(AWAKE)
    assert len(inbox.receive()) == 1


@pytest.fixture
def stuck(world, aws, settings, monkeypatch):
    """An alert that SNS refuses, and that nothing else than sweeps by need could tell; returns the inbox, and what mends SNS."""
    from pipeline.local.inbox import Inbox
    from shipper_function import resolve

    inbox = Inbox(aws, settings.prefix)
    inbox.subscribe(f"arn:aws:sns:{REGION}:000000000000:{settings.prefix}")
    world.xray.put([service("0285bf1261be05ff"), function(**FAILED)])
    dispatcher = resolve.resolver()._dispatcher
    topic = dispatcher._topic
    monkeypatch.setattr(dispatcher, "_topic", _Refusing())
    ship(world)
    # the hints are over, and the daily sweep is far away
    world.pass_(15 * MINUTE)
    return inbox, partial(setattr, dispatcher, "_topic", topic)


def awake_minutes(world, opensearch, minutes):
    """In which of the next minutes OpenSearch is asked for something."""
    return [minute for minute in range(minutes) if asked_in(world, opensearch, MINUTE)]


def gaps(found):
    """The minutes between each two of these."""
    return [later - earlier for earlier, later in itertools.pairwise(found)]


def test_what_is_stuck_is_looked_at_more_and_more_seldom(world, opensearch, stuck):
    """Sweeps come close for as long as look-ups take; then the gap grows to 56 minutes, and stays so. Once it is mended, all is quiet."""
    inbox, mend = stuck
    found = awake_minutes(world, opensearch, 8 * 60)
    # ship and the last hint have both asked, in periods of their own, so that there may be two at first
    assert max(gaps([minute for minute in found if minute < 40])) <= 8
    assert set(gaps([minute for minute in found if minute > 3 * 60])) == {56}
    assert max(gaps(found)) == 56
    assert inbox.receive() == []
    mend()
    world.pass_(HOUR)
    assert len(inbox.receive()) == 1
    assert asked_in(world, opensearch, 5 * HOUR) == []


def test_new_work_is_swept_as_soon_as_ever(world, opensearch, store, stuck):
    """A line whose hint was lost comes while something is stuck: it is settled within ten minutes, and sweeps come close again."""
    world.pass_(4 * HOUR)
    world.lost.add("HintQueue")
    ship(world, OTHER, OTHER_REQUEST, first=100)
    world.pass_(10 * MINUTE)
    assert states(store, OTHER) == {"complete"}
    assert len(awake_minutes(world, opensearch, 30)) >= 3
    # what had waited before, and what waits now, become one again
    world.pass_(6 * HOUR)
    assert len(awake_minutes(world, opensearch, 4 * 60)) <= 5


def test_a_lost_message_of_what_is_stuck_costs_a_day_at_most(world, opensearch, stuck):
    """The message gets lost on one of its rounds: nobody asks OpenSearch any more, until the daily sweep tells the alert."""
    inbox, mend = stuck
    world.pass_(4 * HOUR)
    world.lost.add("SweepQueue")
    world.pass_(HOUR)
    world.lost.clear()
    assert asked_in(world, opensearch, 3 * HOUR) == []
    mend()
    world.pass_(DAY)
    assert len(inbox.receive()) == 1
    assert asked_in(world, opensearch, HOUR) == []


class _Refusing:
    """A topic that takes nothing."""

    def publish(self, subject, text, attributes):
        raise UnavailableError(f"SNS is away: {subject}{text[:0]}{len(attributes)}")


@both_services
def test_a_trace_that_is_not_whole_yet_is_looked_at_until_it_is_final(world, opensearch, store):
    """With every hint lost, each sweep that leaves a trace open asks for the next one, as long as its look-ups take, and no longer."""
    world.lost.add("HintQueue")
    unknown = f"{int(time.time()):08x}{7:024x}"
    ship(world, unknown, OTHER_REQUEST)
    world.fired.clear()
    world.pass_(2 * HOUR)
    assert len([name for name, _ in world.fired if name == "SweepQueue"]) >= 2
    assert "pending" not in states(store, unknown)
    assert asked_in(world, opensearch, 10 * MINUTE) == []


@pytest.mark.parametrize("wakes", ["the next line", "the daily sweep"])
def test_a_lost_message_holds_lines_back_and_loses_none(world, store, wakes):
    """Hint and request are both lost: the lines are settled with the next activity, else by the daily sweep."""
    world.lost |= {"HintQueue", "SweepQueue"}
    ship(world)
    world.pass_(2 * HOUR)
    assert states(store) == {"pending"}
    world.lost.clear()
    if wakes == "the next line":
        ship(world, OTHER, OTHER_REQUEST, first=100)
    world.pass_(AWAKE if wakes == "the next line" else DAY + AWAKE)
    assert states(store) == {"complete"}


def test_a_crash_behind_the_write_is_found(world, store, monkeypatch):
    """Ship wrote the lines and could not tell of them, and its event never comes again: it had asked for the sweep before."""
    from shipper_function import ship as shipper

    def die(*_):
        raise UnavailableError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(shipper, "send_hints", die)
        with pytest.raises(UnavailableError):
            ship(world)
    assert states(store) == {"pending"}
    world.pass_(10 * MINUTE)
    assert states(store) == {"complete"}


def test_nothing_is_written_where_nobody_can_be_asked(world, opensearch, monkeypatch):
    """SQS is away: ship fails before its first request to OpenSearch, so that the event comes again."""
    from shipper_function import queues

    def refuse(**_):
        raise boto3.client("sqs", region_name=REGION).exceptions.ClientError({"Error": {"Code": "ServiceUnavailable"}}, "SendMessage")

    monkeypatch.setattr(world, "send_message", refuse)
    queues.sweeps.cache_clear()
    opensearch.requests.clear()
    with pytest.raises(UnavailableError, match="SQS takes no request for a sweep"):
        ship(world)
    assert opensearch.requests == []


def test_a_sweep_is_tried_again_until_opensearch_answers(world, opensearch, store):
    """OpenSearch is away for hours when the sweep comes: its message stays, and the lines are settled once OpenSearch is back."""
    world.lost.add("HintQueue")
    ship(world)
    opensearch.away = True
    world.pass_(3 * HOUR)
    assert len(world.failures) > 20
    assert {type(failure) for failure in world.failures} == {UnavailableError}
    opensearch.away = False
    world.failures.clear()
    world.pass_(10 * MINUTE)
    assert states(store) == {"complete"}


def test_a_daily_sweep_that_fails_is_followed_by_one_that_was_asked_for(world, opensearch, store):
    """Hint and request are lost, and OpenSearch is away when the daily sweep comes: it asks for another one instead of another day."""
    world.lost |= {"HintQueue", "SweepQueue"}
    ship(world)
    world.pass_(2 * HOUR)
    world.lost.clear()
    opensearch.away = True
    world.fired.clear()
    while not any(name == "Sweep" for name, _ in world.fired):
        world.pass_(10 * MINUTE)
    opensearch.away = False
    world.pass_(20 * MINUTE)
    assert states(store) == {"complete"}


def test_messages_of_one_period_are_one(aws):
    """Against a local SQS, a queue like the template's takes two requests of a period for one, whoever sends them, and hands one batch out at a time."""
    queue = Stack(OpenSearch="existing", OpenSearchEndpoint="http://x", SweepBy="need").resources["SweepQueue"]["Properties"]
    sqs = boto3.client("sqs", endpoint_url=aws, region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    attributes = {name: str(queue[name]).lower() for name in ("FifoQueue", "VisibilityTimeout", "MessageRetentionPeriod")}
    url = sqs.create_queue(QueueName=f"sweep-{time.time_ns()}.fifo", Attributes=attributes)["QueueUrl"]
    now = 1_800_000_000.0
    first, second = (SweepQueue(sqs, url, lambda: now) for _ in range(2))
    for each in (first, first, second):
        each.ask()
    now += PERIOD
    second.ask()
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in received] == ["sweep", "sweep"]
    now += PERIOD
    first.ask()
    assert "Messages" not in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    assert second.is_source_of(f"arn:aws:sqs:eu-west-1:000000000000:{url.rpartition('/')[2]}")
    assert not second.is_source_of("arn:aws:sqs:eu-west-1:000000000000:hints")
    sqs.delete_queue(QueueUrl=url)
    sqs.close()
