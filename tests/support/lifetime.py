"""The life of the sample application's stack in a local AWS, from its deployment by the SAM CLI to its deletion, and all that was seen of it."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.local.environment import local_client, local_environment
from pipeline.local.ministack import local_aws
from pipeline.local.sam_deployment import Deployment, build
from tests.support import custom_resource
from tests.support.paths import ROOT, UNMEASURED
from tests.support.waiting import PATIENCE

SAMPLE = ROOT / "examples"
STACK = "tracejoin-sample"
STAND_IN = "stand-in"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """All that was seen of a stack, from its deployment to its deletion."""

    status: str
    outputs: dict
    environment: dict
    functions: dict
    asked: subprocess.CompletedProcess
    logs: dict
    emptied: list
    unknown_stack: subprocess.CompletedProcess
    other_stack: subprocess.CompletedProcess
    wrong_stage: subprocess.CompletedProcess
    deleted: str
    left: dict


def live(folder):
    """Deploys the stack into a local AWS of its own, asks it for every case, looks at it, and deletes it."""
    with local_aws(UNMEASURED) as endpoint:
        deployment = Deployment(endpoint, STACK)
        deployment.deploy(build(folder, SAMPLE / "template.yaml"), {})
        cloudformation, functions = (local_client(service, endpoint) for service in ("cloudformation", "lambda"))
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        deployed = {function["FunctionName"]: function for function in functions.list_functions()["Functions"]}
        environment = deployed[f"{STACK}-service-a"]["Environment"]["Variables"]
        urls = {name: local_url(endpoint, environment[name]) for name in ("API_URL", "HTTP_API_URL")}
        functions.update_function_configuration(FunctionName=f"{STACK}-service-a", Environment={"Variables": environment | urls})
        with stand_in(endpoint, cloudformation, urls["API_URL"]):
            asked = load("--stack", STAND_IN, "--json", "--rate", "4", endpoint=endpoint)
        with stand_in(endpoint, cloudformation, urls["API_URL"], output="Url"):
            other = load("--stack", STAND_IN, endpoint=endpoint)
        return Lifetime(
            status=stack["StackStatus"], outputs={output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]},
            environment=environment, functions=deployed, asked=asked, logs=read_logs(local_client("logs", endpoint)),
            emptied=empty(functions, local_client("s3", endpoint), environment["BUCKET"]),
            unknown_stack=load("--stack", "no-such", endpoint=endpoint), other_stack=other,
            wrong_stage=load("--api-url", urls["API_URL"].replace("/prod", "/beta"), "--rate", "100"),
            deleted=deployment.delete(), left=left_over(endpoint),
        )  # fmt: skip


def local_url(endpoint, url):
    """Where ministack serves the API that has this URL on AWS."""
    host, _, stage = url.removeprefix("https://").partition("/")
    api, _, domain = host.partition(".")
    assert domain == "execute-api.eu-west-1.amazonaws.com"
    return f"{endpoint}/_aws/execute-api/{api}/{stage or '$default'}"


@contextmanager
def stand_in(endpoint, cloudformation, url, output="ApiUrl"):
    """A stack whose output is the URL that can be reached, which the real one's can't be here."""
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": {output: {"Value": url}}}
    cloudformation.create_stack(StackName=STAND_IN, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STAND_IN, WaiterConfig={"Delay": 1})
    yield
    Deployment(endpoint, STAND_IN).delete()


def load(*arguments, endpoint=None, python=(sys.executable,)):
    """The load script, as a person runs it."""
    environment = local_environment({"AWS_ENDPOINT_URL": endpoint} if endpoint else {})
    return subprocess.run([*python, SAMPLE / "load.py", *arguments], capture_output=True, text=True, env=environment, check=False)


def read_logs(client):
    """The lines of each log group, once what was published has come to the consumer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        groups = [group["logGroupName"] for group in client.describe_log_groups()["logGroups"]]
        logs = {group: [event["message"] for event in client.filter_log_events(logGroupName=group)["events"]] for group in groups}
        if "\n".join(logs[f"/aws/lambda/{STACK}-consumer"]).count("consumer accepts an order") >= 3 or time.monotonic() > deadline:
            return logs
        time.sleep(0.2)


def empty(functions, s3, bucket):
    """What the stack's custom resource answers when it is made and when it is deleted, each with how many objects the bucket holds then."""
    # more than S3 lists, or deletes, at once
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda number: s3.put_object(Bucket=bucket, Key=f"order-{number}"), range(1_001)))
    found = []
    for kind, name in (("Create", bucket), ("Delete", bucket), ("Delete", "no-such-bucket")):
        told = custom_resource.request(functions, f"{STACK}-empty-bucket", kind, Bucket=name)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        found.append((kind, [answer["Status"] for answer in told], sum(page["KeyCount"] for page in pages)))
    return found


def left_over(endpoint):
    """What of the stack is still there, by kind."""

    def listed(service, operation, key):
        return [
            str(entry)
            for entry in getattr(local_client(service, endpoint), operation)().get(key, [])
            if "aws-sam-cli-managed" not in str(entry)
        ]

    return {
        "functions": listed("lambda", "list_functions", "Functions"), "layers": listed("lambda", "list_layers", "Layers"),
        "event sources": listed("lambda", "list_event_source_mappings", "EventSourceMappings"),
        "queues": listed("sqs", "list_queues", "QueueUrls"), "topics": listed("sns", "list_topics", "Topics"),
        "subscriptions": listed("sns", "list_subscriptions", "Subscriptions"), "tables": listed("dynamodb", "list_tables", "TableNames"),
        "buckets": listed("s3", "list_buckets", "Buckets"), "log groups": listed("logs", "describe_log_groups", "logGroups"),
        "roles": listed("iam", "list_roles", "Roles"), "REST APIs": listed("apigateway", "get_rest_apis", "items"),
        "HTTP APIs": listed("apigatewayv2", "get_apis", "Items"),
    }  # fmt: skip
