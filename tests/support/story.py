"""The life of tracejoin's own stack on a local AWS, with a real OpenSearch, and all that was seen of it, in the order in which it happened."""

import json
import time
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from pipeline.local.deploy_demo import FOLDER, PARAMETERS, count, deployed, subscribe, wait_until
from pipeline.local.inbox import Inbox
from pipeline.search.findings import hidden_faults
from pipeline.search.search import transaction
from tests.support.events import OTHER, OTHER_REQUEST, TRACE, end, function, lambda_event, powertools, report, service, start
from tests.support.parked import key

STACK, ACCOUNT = "tj", "000000000000"
LATE = "late but here"
GROUP, LATER, UNWANTED = "/aws/lambda/orders", "/aws/lambda/later", "/ecs/cart"
LINES = 5


@dataclass(slots=True)
class Story:
    """What was seen."""

    outputs: dict = field(default_factory=dict)
    subscribed: dict = field(default_factory=dict)
    found: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    alerts: list = field(default_factory=list)
    dead_letters: list = field(default_factory=list)
    parked: dict = field(default_factory=dict)
    replayed: list = field(default_factory=list)
    came_back: int = 0
    still_parked: int = -1
    own_lines: int = -1
    own_filters: list = field(default_factory=list)
    updated: dict = field(default_factory=dict)
    later: dict = field(default_factory=dict)
    rate: str = ""
    by_need: set = field(default_factory=set)
    deleted: str = ""
    left: dict = field(default_factory=dict)
    kept: int = 0


def tell(settings):
    """Deploys, ships, looks, updates, deletes."""
    story = Story()
    with deployed(settings, STACK) as world:
        stack, logs = world.deployment, world.deployment.client("logs")
        story.outputs = stack.outputs()
        inbox = Inbox(stack.endpoint, "on-call")
        inbox.subscribe(story.outputs["AlertTopicArn"])
        for group in (GROUP, UNWANTED):
            logs.create_log_group(logGroupName=group)
        subscribe(stack)
        story.subscribed = filters(logs)
        world.xray.put(
            [service(error=True), function(error=True, cause={"exceptions": [{"id": "1", "type": "ValueError", "message": "no stock"}]})]
        )
        put(logs, GROUP, [start(), powertools("fails", level="ERROR"), "a bare line", end(), report()])
        put(logs, UNWANTED, ["nobody asked for this"])
        wait_until(lambda: count(world.store, {"term": {"trace.state": "complete"}}, "logs-*") == LINES, "the lines and their verdict")
        story.found, story.faults = transaction(TRACE, world.store), hidden_faults(world.store)
        wait_until(lambda: story.alerts.extend(inbox.receive()) or story.alerts, "the alert")
        story.dead_letters = poison(stack)
        story.parked = fail_three_times(stack)
        story.replayed = [order(stack), order(stack)]
        story.came_back = count(world.store, {"match_phrase": {"body": LATE}}, "logs-*")
        story.still_parked = stack.client("s3").list_objects_v2(Bucket=story.outputs["ParkedEventsBucket"])["KeyCount"]
        story.own_lines = count(world.store, {"prefix": {"aws.logGroup": f"/aws/lambda/{STACK}-"}}, "logs-*")
        story.own_filters = [name for name, theirs in filters(logs).items() if name.startswith(f"/aws/lambda/{STACK}-") and theirs]
        update(stack, settings, story, logs, world.store)
        story.deleted = stack.delete()
        story.left = left_over(stack, logs)
        story.kept = count(world.store, {"match_all": {}}, "logs-*")
        world.store.close()
    return story


def put(logs, group, messages):
    """Writes log events, as a function or an agent does."""
    now = int(time.time() * 1000)
    logs.create_log_stream(logGroupName=group, logStreamName=f"s{now}")
    logs.put_log_events(logGroupName=group, logStreamName=f"s{now}",
                        logEvents=[{"timestamp": now + number, "message": message} for number, message in enumerate(messages)])  # fmt: skip


def filters(logs):
    """The names of the filters of each log group."""
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    return {
        group: [each["filterName"] for each in logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]]
        for group in groups
    }


def poison(stack):
    """Sends resolve what is no hint, beside a hint; returns what is among the dead letters then."""
    sqs, urls = stack.client("sqs"), stack.resources()
    good = json.dumps({"traceIds": [TRACE], "attempt": len(PARAMETERS["LookupDelays"].split(","))})
    for body in ("no hint", good):
        sqs.send_message(QueueUrl=urls["HintQueue"], MessageBody=body, DelaySeconds=0)
    found = []
    wait_until(lambda: found.extend(sqs.receive_message(QueueUrl=urls["HintDeadLetters"], MessageAttributeNames=["All"]).get("Messages", ())) or found,
               "the poisoned message among the dead letters")  # fmt: skip
    attributes = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
    wait_until(lambda: not any(int(n) for n in sqs.get_queue_attributes(QueueUrl=urls["HintQueue"], AttributeNames=attributes)["Attributes"].values()),
               "an empty queue")  # fmt: skip
    return found


def fail_three_times(stack):
    """Invokes ship asynchronously while it can't reach OpenSearch, and parks Lambda's record; returns that.

    The local AWS tries as often as Lambda, but puts its record into queues alone, so this carries it into the bucket, under Lambda's key.
    """
    functions, sqs, ship = stack.client("lambda"), stack.client("sqs"), f"{STACK}-ship"
    queue = sqs.create_queue(QueueName="failures")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    functions.put_function_event_invoke_config(
        FunctionName=ship, MaximumRetryAttempts=2, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    variables = functions.get_function_configuration(FunctionName=ship)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=ship, Environment={"Variables": variables | {"TRACEJOIN_ENDPOINT": "http://127.0.0.1:9"}}
    )
    event = lambda_event([LATE], group=GROUP, stream="late", at=int(time.time() * 1000), owner=ACCOUNT)
    functions.invoke(FunctionName=ship, InvocationType="Event", Payload=json.dumps(event))
    found = []
    wait_until(lambda: found.extend(sqs.receive_message(QueueUrl=queue).get("Messages", ())) or found, "the event that failed three times")
    functions.update_function_configuration(FunctionName=ship, Environment={"Variables": variables})
    stack.client("s3").put_object(Bucket=stack.outputs()["ParkedEventsBucket"], Key=key(ship), Body=found[0]["Body"])
    sqs.delete_queue(QueueUrl=queue)
    return json.loads(found[0]["Body"])


def order(stack):
    """Orders ship to send what is parked again; returns its answer."""
    answer = stack.client("lambda").invoke(FunctionName=f"{STACK}-ship", Payload=json.dumps({"tracejoin": "replay"}))
    return json.loads(answer["Payload"].read())


def update(stack, settings, story, logs, store):
    """Brings the stack up to date with other parameters, and ships once more."""
    given = {
        **PARAMETERS,
        "OpenSearchEndpoint": settings.endpoint,
        "Prefix": settings.prefix,
        "RetentionDays": "30",
        "LogGroups": LATER,
        "SweepBy": "need",
    }
    logs.create_log_group(logGroupName=LATER)
    stack.deploy(FOLDER / "template.yaml", given)
    functions = stack.client("lambda")
    story.updated = {name: functions.get_function_configuration(FunctionName=f"{STACK}-{name}")["Environment"]["Variables"]["TRACEJOIN_RETENTION_DAYS"]
                     for name in ("ship", "resolve", "setup", "subscribe")}  # fmt: skip
    story.later = filters(logs)
    story.rate = stack.client("scheduler").get_schedule(Name=f"{STACK}-sweep")["ScheduleExpression"]
    let_the_sweep_come_soon(stack)
    put(logs, GROUP, ["not any more"])
    put(logs, LATER, [report(OTHER_REQUEST, OTHER, sampled=False)])
    wait_until(lambda: count(store, {"term": {"aws.logGroup": LATER}}, "logs-*"), "a line of the log group that the update chose")
    pending = {"bool": {"filter": [{"term": {"traceId": OTHER}}, {"term": {"trace.state": "pending"}}]}}
    wait_until(lambda: not count(store, pending, "logs-*"), "the sweep that ship asked for")
    story.by_need = {found["trace"]["state"] for found in transaction(OTHER, store)}


def let_the_sweep_come_soon(stack):
    """Has the sweep come 15 seconds after ship asks for it, not 8 minutes, and lets ship send no hint.

    Nothing may have asked before: SQS takes what is asked in the next five minutes for the same message.
    """
    functions, ship = stack.client("lambda"), f"{STACK}-ship"
    stack.client("sqs").set_queue_attributes(QueueUrl=stack.resources()["SweepQueue"], Attributes={"DelaySeconds": "15"})
    variables = functions.get_function_configuration(FunctionName=ship)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=ship, Environment={"Variables": variables | {"TRACEJOIN_QUEUE_URL": ""}})


def left_over(stack, logs):
    """What is still there, by kind."""

    def mine(service, operation, key):
        return [str(entry) for entry in getattr(stack.client(service), operation)().get(key, []) if f"{STACK}-" in str(entry)]

    found = {
        "functions": mine("lambda", "list_functions", "Functions"), "queues": mine("sqs", "list_queues", "QueueUrls"),
        "topics": mine("sns", "list_topics", "Topics"), "roles": mine("iam", "list_roles", "Roles"),
        "event sources": mine("lambda", "list_event_source_mappings", "EventSourceMappings"),
        "alarms": mine("cloudwatch", "describe_alarms", "MetricAlarms"), "schedules": mine("scheduler", "list_schedules", "Schedules"),
        "rules": mine("events", "list_rules", "Rules"), "log groups": mine("logs", "describe_log_groups", "logGroups"),
        "buckets": mine("s3", "list_buckets", "Buckets"),
    }  # fmt: skip
    try:
        stack.outputs()
    except ClientError:
        pass
    else:
        found["stacks"] = [stack.name]
    return found | {"filters": [name for name, theirs in filters(logs).items() if theirs]}
