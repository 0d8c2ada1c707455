"""What can be wrong with an account: each of these breaks one thing for a while, and mends it.

Each yields the resource that the doctor has to name, the status, and what its remedy must hold.
"""

import json
from contextlib import contextmanager

from pipeline.doctor.formats import access_log_format
from tests.support.deployed import ACCOUNT, HTTP_LOG, REGION, SHIP, STACK
from tests.support.healthy import GREEN, POLICY, SAMPLING


@contextmanager
def log_group(world, name, *, log_class="STANDARD", days=14, tags=None):
    """A log group for a while."""
    world.stack.logs.create_log_group(logGroupName=name, logGroupClass=log_class, tags=tags or {})
    try:
        if days:
            world.stack.logs.put_retention_policy(logGroupName=name, retentionInDays=days)
        yield name
    finally:
        world.stack.logs.delete_log_group(logGroupName=name)


@contextmanager
def function(world, name, **more):
    """A function whose log group is shipped, for a while."""
    with log_group(world, f"/aws/lambda/{name}") as group:
        world.stack.subscribe(group)
        world.stack.create_function(name, **more)
        try:
            yield name
        finally:
            world.stack.functions.delete_function(FunctionName=name)


@contextmanager
def setting(world, function, **changes):
    """Other settings of a function of the stack, for a while."""
    world.stack.environment(function, **changes)
    try:
        yield
    finally:
        world.stack.environment(function, **dict.fromkeys(changes, ""))


# Each breaks one thing, and yields the resource, the status and what the remedy must name.


@contextmanager
def subscription_missing(world):
    """A log group that the patterns want, without a filter."""
    with log_group(world, "/aws/lambda/app-new") as name:
        yield name, "problem", f"--log-group-name {name} --filter-name {STACK}-ship"


@contextmanager
def subscription_full(world):
    """Two filters of somebody else."""
    with log_group(world, "/aws/lambda/app-full") as name:
        for number in range(2):
            world.stack.subscribe(name, f"other-{number}", SHIP.replace("ship", f"other-{number}"))
        yield name, "problem", name


@contextmanager
def subscription_target(world):
    """The filter of a stack that was deleted."""
    with log_group(world, "/aws/lambda/app-old") as name:
        world.stack.subscribe(name, to=SHIP.replace(STACK, "deleted"))
        yield name, "problem", f"--log-group-name {name}"


@contextmanager
def subscription_class(world):
    """A class without subscriptions."""
    with log_group(world, "/aws/lambda/app-cheap", log_class="INFREQUENT_ACCESS") as name:
        yield name, "warning", f"!{name}"


@contextmanager
def subscription_permission(world):
    """A permission for another log group only."""
    functions, name = world.stack.functions, f"{STACK}-ship"
    functions.remove_permission(FunctionName=name, StatementId="logs")
    # one that is for another log group does not count
    source = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/else:*"
    given = {"FunctionName": name, "StatementId": "logs", "Action": "lambda:InvokeFunction", "Principal": "logs.amazonaws.com"}
    functions.add_permission(**given, SourceArn=source)
    try:
        yield name, "problem", f"--function-name {name}"
    finally:
        functions.remove_permission(FunctionName=name, StatementId="logs")
        functions.add_permission(**given, SourceAccount=ACCOUNT, SourceArn=source.replace("/aws/lambda/else:*", "*:*"))


@contextmanager
def loop_own(world):
    """Resolve's own log group, subscribed."""
    name = f"/aws/lambda/{STACK}-resolve"
    world.stack.subscribe(name, "mine")
    try:
        yield name, "problem", f"--log-group-name {name} --filter-name mine"
    finally:
        world.stack.logs.delete_subscription_filter(logGroupName=name, filterName="mine")


@contextmanager
def loop_other(world):
    """Another stack's log group, by its tag."""
    with log_group(world, "/aws/lambda/second-ship", tags={"tracejoin:pipeline": "second"}) as name:
        world.stack.subscribe(name)
        yield name, "problem", f"--log-group-name {name}"


@contextmanager
def loop_policy(world):
    """An account-level policy that leaves out three of four (recorded)."""
    left_out = [f"/aws/lambda/{STACK}-{name}" for name in ("ship", "resolve", "setup")]
    policy = {"policyName": "everything", "policyType": "SUBSCRIPTION_FILTER_POLICY", "selectionCriteria": f"LogGroupName NOT IN {json.dumps(left_out)}",
              "policyDocument": json.dumps({"DestinationArn": SHIP, "FilterPattern": ""}), "scope": "ALL", "accountId": ACCOUNT}  # fmt: skip
    world.aws.answers["DescribeAccountPolicies"] = (200, {"accountPolicies": [policy]})
    yield "everything", "problem", f'"/aws/lambda/{STACK}-subscribe"'
    world.aws.answers["DescribeAccountPolicies"] = (200, {"accountPolicies": []})


@contextmanager
def trace_source(world):
    """Transaction Search is on, and BatchGetTraces set."""
    with setting(world, "ship", TRACEJOIN_TRACE_SOURCE="BatchGetTraces"):
        world.local_xray.destination = "CloudWatchLogs"
        yield "TRACEJOIN_TRACE_SOURCE", "problem", "TraceSource=auto"
        world.local_xray.destination = "XRay"


@contextmanager
def trace_accounts(world):
    """An allowed account that is not linked, and no role (recorded: the local AWS has no OAM)."""
    sink, member = f"arn:aws:oam:{REGION}:{ACCOUNT}:sink/1", "222222222222"
    link = {"Label": "linked", "LinkArn": f"arn:aws:oam:{REGION}:333333333333:link/1", "ResourceTypes": ["AWS::XRay::Trace"]}
    world.aws.answers |= {
        "/ListSinks": (200, {"Items": [{"Arn": sink, "Id": "1", "Name": "s"}]}),
        "/ListAttachedLinks": (200, {"Items": [link]}),
    }
    with setting(world, "ship", TRACEJOIN_ALLOWED_ACCOUNTS=f"{ACCOUNT},333333333333,{member}"):
        yield member, "warning", "examples/organization/member.yaml"


@contextmanager
def trace_spans(world):
    """The log group of spans, without a filter."""
    with log_group(world, "aws/spans") as name, setting(world, "ship", TRACEJOIN_TRACE_SOURCE="aws/spans"):
        yield name, "problem", f"--log-group-name {name} --filter-name {STACK}-ship"


@contextmanager
def trace_sampling(world):
    """Five percent by the default rule (recorded): a hint."""
    few = json.loads(json.dumps(SAMPLING).replace("1.0", "0.05"))
    world.xray.answers["/GetSamplingRules"] = (200, few)
    yield "Default", "ok", "update-sampling-rule"
    world.xray.answers["/GetSamplingRules"] = (200, SAMPLING)


@contextmanager
def tracing_function(world):
    """Active tracing off."""
    with function(world, "app-untraced") as name:
        yield name, "warning", f"--function-name {name} --tracing-config Mode=Active"


@contextmanager
def format_function(world):
    """JSON without platform.report."""
    with function(
        world, "app-terse", TracingConfig={"Mode": "Active"}, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN"}
    ) as name:
        yield name, "warning", f"--function-name {name} --logging-config LogFormat=JSON,SystemLogLevel=INFO"


@contextmanager
def format_rest_stage(world):
    """An access log with one id of three."""
    world.stack.rest_stage(format='{"requestId":"$context.requestId"}')
    yield "shop/prod", "warning", f"--rest-api-id {world.stack.rest_api} --stage-name prod"
    world.stack.rest_stage(format=access_log_format("REST"))


@contextmanager
def format_http_stage(world):
    """An access log that goes to Firehose."""
    world.stack.http_stage(DestinationArn=f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/x", Format=access_log_format("HTTP"))
    yield "web/$default", "warning", f"--api-id {world.stack.http_api} --stage-name '$default'"
    world.stack.http_stage(DestinationArn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{HTTP_LOG}", Format=access_log_format("HTTP"))


@contextmanager
def tracing_rest_stage(world):
    """X-Ray off."""
    world.stack.patch("/tracingEnabled", "false")
    yield "shop/prod", "warning", f"--rest-api-id {world.stack.rest_api} --stage-name prod"
    world.stack.patch("/tracingEnabled", "true")


@contextmanager
def retention_groups(world):
    """Kept for ever."""
    with log_group(world, "/aws/lambda/app-forever", days=0) as name:
        world.stack.subscribe(name)
        yield name, "warning", f"--log-group-name {name} --retention-in-days 14"


@contextmanager
def retention_stack(world):
    """The log of ship kept for longer than its documents."""
    name = f"/aws/lambda/{STACK}-ship"
    world.stack.logs.put_retention_policy(logGroupName=name, retentionInDays=90)
    yield name, "warning", f"--log-group-name {name} --retention-in-days 14"
    world.stack.logs.put_retention_policy(logGroupName=name, retentionInDays=14)


@contextmanager
def retention_opensearch(world):
    """A lifecycle policy of another time (recorded)."""
    path = "/_plugins/_ism/policies/doctor-retention"
    world.opensearch.answers[path] = (200, json.loads(json.dumps(POLICY).replace("14d", "90d")))
    yield "doctor-retention", "warning", "TRACEJOIN_PREFIX=doctor tracejoin setup"
    world.opensearch.answers[path] = (200, POLICY)


@contextmanager
def queue_age(world):
    """A hint that waits for twenty minutes (recorded: metrics can't be taken back)."""
    queue = world.stack.id_of("HintQueue").rpartition("/")[2]
    answer = {"MetricDataResults": [{"Id": "q0", "Label": "q0", "Timestamps": [], "Values": [1200.0], "StatusCode": "Complete"}]}
    world.aws.answers["GetMetricData"] = (200, answer)
    yield queue, "problem", f"/aws/lambda/{STACK}-resolve"
    del world.aws.answers["GetMetricData"]


@contextmanager
def queue_dead_letters(world):
    """A hint that failed."""
    url = world.stack.id_of("HintDeadLetters")
    world.stack.sqs.send_message(QueueUrl=url, MessageBody="x")
    yield url.rpartition("/")[2], "warning", f"--source-arn arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"
    world.stack.sqs.purge_queue(QueueUrl=url)


@contextmanager
def parked_events(world):
    """An event that is parked."""
    bucket = world.stack.id_of("ParkedEvents")
    world.stack.s3.put_object(Bucket=bucket, Key="x", Body=b"{}")
    yield bucket, "warning", "tracejoin replay send --stack joined"
    world.stack.s3.delete_object(Bucket=bucket, Key="x")


@contextmanager
def alarms(world):
    """An alarm that is on."""
    name = world.stack.id_of("DeadLettersAlarm")
    world.stack.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="x")
    yield name, "problem", name
    world.stack.cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="x")


@contextmanager
def functions_failing(world):
    """Three of seven invocations failed (recorded: metrics can't be taken back)."""
    name = f"{STACK}-resolve"
    first = 3 * list(world.account().own_functions()).index(name)
    results = [
        {"Id": f"q{first + number}", "Label": "", "Timestamps": [], "Values": [value], "StatusCode": "Complete"}
        for number, value in ((0, 7.0), (1, 3.0))
    ]
    answer = {"MetricDataResults": results}
    world.aws.answers["GetMetricData"] = (200, answer)
    yield name, "warning", f"/aws/lambda/{name}"
    del world.aws.answers["GetMetricData"]


@contextmanager
def functions_reserved(world):
    """A function that is stopped."""
    name = f"{STACK}-resolve"
    world.stack.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    yield name, "problem", f"--function-name {name}"
    world.stack.functions.delete_function_concurrency(FunctionName=name)


@contextmanager
def stack_settings(world):
    """A setting that can't be read."""
    with setting(world, "ship", TRACEJOIN_LOOKUP_DELAYS="soon"):
        yield f"{STACK}-ship", "problem", STACK


@contextmanager
def opensearch_health(world):
    """A red cluster (recorded)."""
    world.opensearch.answers["/_cluster/health"] = (200, GREEN | {"status": "red", "unassigned_shards": 3})
    yield "c", "problem", f"{world.opensearch.endpoint}/_cluster/allocation/explain"
    world.opensearch.answers["/_cluster/health"] = (200, GREEN)


@contextmanager
def opensearch_disk(world):
    """A node past the high watermark (recorded)."""
    world.opensearch.answers["/_cat/allocation"] = (
        200,
        [{"node": "n1", "disk.percent": "91"}, {"node": "UNASSIGNED", "disk.percent": None}],
    )
    yield "n1", "problem", "RetentionDays"
    world.opensearch.answers["/_cat/allocation"] = (200, [{"node": "n1", "disk.percent": "40"}])


@contextmanager
def opensearch_access(world):
    """A domain's access policy that does not let in (recorded)."""
    said = {
        "Message": "User: arn:aws:iam::123456789012:user/eve is not authorized to perform: es:ESHttpPost because no resource-based policy allows it"
    }
    world.opensearch.every = (403, said)
    yield world.opensearch.endpoint, "problem", "arn:aws:iam::123456789012:user/eve"
    world.opensearch.every = None


SCENARIOS = {
    scenario.__name__.replace("_", "-"): scenario
    for scenario in (
        subscription_missing, subscription_full, subscription_target, subscription_class, subscription_permission, loop_own, loop_other,
        loop_policy, trace_source, trace_accounts, trace_spans, trace_sampling, tracing_function, format_function, format_rest_stage, format_http_stage,
        tracing_rest_stage, retention_groups, retention_stack, retention_opensearch, queue_age, queue_dead_letters, parked_events, alarms,
        functions_failing, functions_reserved, stack_settings, opensearch_health, opensearch_disk, opensearch_access,
    )
}  # fmt: skip
