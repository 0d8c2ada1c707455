"""The Lambda functions as Lambda calls them, against an OpenSearch, the local X-Ray and a local SQS."""

import json
import time
from fnmatch import fnmatchcase
from urllib.parse import unquote

import boto3
import pytest
from opensearchpy import Transport

from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.hint_queue import Queue, read_hint
from pipeline.local.environment import REGION
from pipeline.local.inbox import Inbox
from pipeline.local.lambda_runtime import Context
from pipeline.local.xray import LocalXRay
from pipeline.search.search import transaction
from tests.support import template
from tests.support.events import NOW, OTHER, OTHER_REQUEST, TRACE, function, lambda_event, powertools, report, service
from tests.support.stores import both_kinds, remove


@pytest.fixture
def lambda_environment(monkeypatch, settings, store, aws):
    """The environment that template.yaml gives to both functions; clients are made anew."""
    from shipper_function import queues as queue
    from shipper_function import resolve, ship

    for key, value in {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
                       "AWS_ENDPOINT_URL_SQS": aws, "AWS_ENDPOINT_URL_SNS": aws, "POWERTOOLS_TRACE_DISABLED": "1", "POWERTOOLS_METRICS_NAMESPACE": "tracejoin",
                       "AWS_LAMBDA_FUNCTION_NAME": "f", "LOCAL_FUNCTION_ARN": "arn", "AWS_LAMBDA_LOG_STREAM_NAME": "s",
                       "TRACEJOIN_ENDPOINT": settings.endpoint, "TRACEJOIN_PREFIX": settings.prefix, "TRACEJOIN_LOOKUP_DELAYS": "1,2,600"}.items():  # fmt: skip
        monkeypatch.setenv(key, value)
    sqs = boto3.client("sqs", endpoint_url=aws, region_name=REGION)
    url = sqs.create_queue(QueueName=settings.prefix)["QueueUrl"]
    monkeypatch.setenv("TRACEJOIN_QUEUE_URL", url)
    caches = (ship.settings, ship.store, resolve.settings, resolve.resolver, queue.queue)
    # clients come from a session of the test's own, so that a test may listen to it
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session())
    for cached in caches:
        cached.cache_clear()
    yield lambda: receive(sqs, url)
    for cached in caches:
        cached.cache_clear()
    sqs.close()


def receive(sqs, url):
    """The messages that come within their delay, as Lambda would hand them over."""
    messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MaxNumberOfMessages=10).get("Messages", [])
    return {"Records": [{"messageId": message["MessageId"], "body": message["Body"], "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {},
                         "receiptHandle": message["ReceiptHandle"], "md5OfBody": "", "eventSourceARN": "arn:aws:sqs:eu-west-1:1:q", "awsRegion": REGION}
                        for message in messages]}  # fmt: skip


def now():
    """Milliseconds since the epoch: what the tests began with may be long ago."""
    return int(time.time() * 1000)


def context(seconds=30.0):
    """What Lambda gives a handler."""
    import time

    return Context("52fdfc07-2182-454f-963f-5f0f9a621d72", time.time() + seconds)


def states(store):
    """The states that the trace's lines and spans show."""
    store.refresh()
    return {document["trace"]["state"] for document in transaction(TRACE, store)}


@both_kinds
def test_from_a_log_event_to_a_verdict(lambda_environment, monkeypatch, store, capsys):
    """Ship indexes and sends a hint; resolve takes it, looks up, and settles; the ledger goes out as metrics."""
    from shipper_function import resolve, ship

    with LocalXRay() as xray:
        monkeypatch.setenv("AWS_ENDPOINT_URL_XRAY", xray.endpoint)
        ledger = ship.handler(lambda_event([powertools("a"), report()], at=now()), context())
        assert (ledger["received"], ledger["indexed"], states(store)) == (2, 2, {"pending"})
        assert '"indexed"' in capsys.readouterr().out
        event = lambda_environment()
        assert resolve.handler(event, context()) == {"batchItemFailures": []}
        assert states(store) == {"pending"}
        xray.put([service(), function()])
        again = lambda_environment()
        assert json.loads(again["Records"][0]["body"])["attempt"] == 1
        resolve.resolver()._clock = lambda: 4e9
        resolve.handler(again, context())
        assert states(store) == {"complete"}


def test_both_functions_count_stale_ids_by_function(lambda_environment, monkeypatch, capsys):
    """A line that names another trace than the platform is counted where it is found: in one batch by ship, across batches by resolve."""
    from shipper_function import resolve, ship

    monkeypatch.setenv("TRACEJOIN_TRACE_SOURCE", "aws/spans")
    stale = powertools("stale", trace=OTHER)
    ship.handler(lambda_event([stale, report()]), context())
    ship.handler(lambda_event([powertools("stale", request=OTHER_REQUEST, trace=OTHER)], first=10), context())
    ship.handler(lambda_event([report(OTHER_REQUEST)], first=20), context())
    resolve.handler({}, context())
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "stale_trace_ids" in line]
    assert [(metric["function"], metric["stale_trace_ids"]) for metric in told] == [("orders", [1.0]), ("orders", [1.0])]


def test_invented_services_make_one_metric(lambda_environment, monkeypatch, capsys):
    """300 services that lines of one log group call themselves are one function's stale ids, in one batch and across batches."""
    from shipper_function import resolve, ship

    monkeypatch.setenv("TRACEJOIN_TRACE_SOURCE", "aws/spans")
    stale = [powertools("stale", trace=OTHER, service=f"invented-{number}") for number in range(300)]
    ship.handler(lambda_event([*stale, report()]), context())
    later = [powertools("stale", request=OTHER_REQUEST, trace=OTHER, service=f"invented-{number}") for number in range(300)]
    ship.handler(lambda_event(later, first=1000), context())
    ship.handler(lambda_event([report(OTHER_REQUEST)], first=2000), context())
    resolve.handler({}, context())
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "stale_trace_ids" in line]
    assert [(metric["function"], metric["stale_trace_ids"]) for metric in told] == [("orders", [300.0]), ("orders", [300.0])]


def test_the_schedule_runs_the_sweep(lambda_environment, monkeypatch, store):
    """With the hint lost, the scheduled event finds the line."""
    from shipper_function import resolve, ship

    with LocalXRay() as xray:
        monkeypatch.setenv("AWS_ENDPOINT_URL_XRAY", xray.endpoint)
        xray.put([service(), function()])
        ship.handler(lambda_event([powertools("a")], at=NOW - 3_600_000), context())
        resolve.handler({"source": "aws.scheduler"}, context())
        store.refresh()
    assert {document["trace"]["state"] for document in transaction(TRACE, store)} == {"complete"}


def test_where_xray_is_dead_hints_are_done_and_follow_later(lambda_environment, monkeypatch, capsys, caplog):
    """What will never be a hint is gone; the trace's hint comes again after its delay; the reason is logged once, and counted."""
    from shipper_function import resolve, ship

    monkeypatch.setenv("AWS_ENDPOINT_URL_XRAY", "http://127.0.0.1:1")
    # of now, since a trace whose source is away is given up ten minutes after its last line
    ship.handler(lambda_event([powertools("a")], at=int(time.time() * 1000)), context())
    event = lambda_environment()
    bad = dict(event["Records"][0], messageId="bad", body="no hint")
    assert resolve.handler({"Records": [bad, *event["Records"]]}, context()) == {"batchItemFailures": []}
    assert json.loads(lambda_environment()["Records"][0]["body"]) == {"traceIds": [TRACE], "attempt": 1}
    assert len([logged for logged in caplog.records if "X-Ray does not answer" in getattr(logged, "reason", "")]) == 1
    (told,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"lookups_failed"' in line]
    assert (told["lookups_failed"], told["lookups_put_off"], told["bad_hints"]) == ([1], [1], [1])


class Calls(set):
    """Actions, as IAM names them, and what of OpenSearch was asked for."""

    def __init__(self):
        super().__init__()
        self.asked = set()


def beyond(asked, allowed):
    """The requests that no pattern of their method's allows; in ARNs, `*` stands for any characters, slashes too."""
    return [(method, path) for method, path in asked if not any(fnmatchcase(path, pattern) for pattern in allowed.get(method, ()))]


@pytest.fixture
def calls(monkeypatch):
    """Every call that is made to AWS and to OpenSearch from here on, as IAM names it."""
    made = Calls()
    send = Transport.perform_request

    def request(self, method, url, *args, **kwargs):
        made.add(f"es:ESHttp{method.title()}")
        made.asked.add((method, unquote(url)))
        return send(self, method, url, *args, **kwargs)

    def listen():
        monkeypatch.setattr(Transport, "perform_request", request)
        boto3.DEFAULT_SESSION.events.register("before-call", lambda model, **_: made.add(action(model)))
        return made

    return listen


def action(model):
    """The IAM action of a call: its own name, but for batches, which their single action allows."""
    return f"{model.service_model.service_name}:{model.name.removesuffix('Batch')}"


def test_the_roles_allow_every_call_that_the_functions_make(lambda_environment, monkeypatch, calls, settings):
    """Shipping, looking up, coming back and sweeping need nothing that template.yaml does not grant, down to each path of OpenSearch's."""
    from shipper_function import resolve, ship

    document = template.load()
    allowed = {name: {action for statement in template.statements(document, name) for action in statement["Action"]}
               for name in ("ShipFunction", "ResolveFunction")}  # fmt: skip
    # the roles are for a domain: any other OpenSearch, whose old days resolve deletes, asks no IAM
    monkeypatch.setenv("TRACEJOIN_OPENSEARCH_SERVICE", "es")
    with LocalXRay() as xray:
        monkeypatch.setenv("AWS_ENDPOINT_URL_XRAY", xray.endpoint)
        made = calls()
        ship.handler(lambda_event([powertools("a")], at=now()), context())
        assert made == {"es:ESHttpGet", "es:ESHttpPost", "sqs:SendMessage"}
        assert made <= allowed["ShipFunction"]
        assert made.asked
        assert beyond(made.asked, template.paths(document, "ShipFunction", settings.prefix)) == []
        event = lambda_environment()
        made.clear()
        made.asked.clear()
        resolve.handler(event, context())
        resolve.handler({"source": "aws.scheduler"}, context())
    assert (
        {"xray:BatchGetTraces", "xray:GetTraceSegmentDestination", "es:ESHttpPost", "sqs:SendMessage"} <= made <= allowed["ResolveFunction"]
    )
    assert beyond(made.asked, template.paths(document, "ResolveFunction", settings.prefix)) == []


@pytest.mark.opensearch
@pytest.mark.usefixtures("lambda_environment")
def test_setup_s_role_allows_every_call_that_it_makes(calls, settings, store):
    """Installing into an empty OpenSearch and looking again: each request is one that its role may sign, and none goes beyond the prefix."""
    from shipper_function import setup

    remove(store)
    made = calls()
    setup.set_up(lambda: 0)
    setup.set_up(lambda: 0)
    assert {method for method, _ in made.asked} == {"GET", "PUT", "POST"}
    assert beyond(made.asked, template.paths(template.load(), "SetupFunction", settings.prefix)) == []


def test_a_hidden_fault_is_told_and_counted(lambda_environment, monkeypatch, calls, aws, settings, capsys):
    """As deployed: one message comes through SNS, the metric counts in all and by service and rule, and the role allows every call."""
    from shipper_function import resolve, ship

    inbox = Inbox(aws, settings.prefix)
    monkeypatch.setenv("TRACEJOIN_ALERT_TOPIC", inbox.arn)
    failed = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "no stock"}]}}
    with LocalXRay() as xray:
        monkeypatch.setenv("AWS_ENDPOINT_URL_XRAY", xray.endpoint)
        xray.put([service(error=True), function(**failed)])
        made = calls()
        ship.handler(lambda_event([powertools("a"), report()], at=now()), context())
        event = lambda_environment()
        assert resolve.handler(event, context()) == {"batchItemFailures": []}
        resolve.handler({"source": "aws.scheduler"}, context())
    assert [message.subject for message in inbox.receive()] == ["[tracejoin] orders: ValueError behind 200, new"]
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"HiddenFaults"' in line]
    assert [(one.get("service"), one.get("rule"), one["HiddenFaults"]) for one in told] == [
        ("orders", "service-ok-function-failed", [1.0]), (resolve.metrics.service, None, [1.0]), (resolve.metrics.service, None, [0.0])]  # fmt: skip
    assert [(one["alerts_sent"], one["alert_failures"]) for one in told[1:]] == [([1.0], [0.0]), ([0.0], [0.0])]
    document = template.load()
    allowed = {action for name in ("ShipFunction", "ResolveFunction") for statement in template.statements(document, name)
               for action in statement["Action"]}  # fmt: skip
    assert "sns:Publish" in made <= allowed


def test_the_invocation_fails_where_opensearch_is_away(lambda_environment, monkeypatch):
    """Lambda must deliver the event again."""
    from shipper_function import ship

    monkeypatch.setenv("TRACEJOIN_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(UnavailableError):
        ship.handler(lambda_event(["a"]), context(seconds=1))


def test_wrong_settings_fail_at_the_start(lambda_environment, monkeypatch):
    """Every problem is named before anything is shipped."""
    from shipper_function import ship

    monkeypatch.setenv("TRACEJOIN_PREFIX", "Not this")
    monkeypatch.setenv("TRACEJOIN_RETENTION_DAYS", "-1")
    with pytest.raises(MisconfiguredError, match=r"TRACEJOIN_PREFIX.*TRACEJOIN_RETENTION_DAYS"):
        ship.handler(lambda_event(["a"]), context())


def test_many_ids_in_few_messages(aws):
    """A thousand and fifty ids go out a hundred a message, ten messages a call, and come back as they were."""
    sqs = boto3.client("sqs", endpoint_url=aws, region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    url = sqs.create_queue(QueueName="many")["QueueUrl"]
    ids = tuple(f"{number:032x}" for number in range(1, 1051))
    Queue(sqs, url).send(ids, attempt=2, delay=0)
    hints = []
    while len(hints) < 11:
        hints += [read_hint(record["body"]) for record in receive(sqs, url)["Records"]]
    assert sorted(id_ for hint in hints for id_ in hint.trace_ids) == sorted(ids)
    assert {hint.attempt for hint in hints} == {2}
    sqs.close()
