"""Notify as the template deploys it, on a local AWS: the topic invokes it, its queue invokes it, and a channel is told.

The template's own resources for notify are deployed alone, with their parameters, SAM's transform included. What ministack can't do is named
in test_deployment.
"""

import io
import json
import uuid
import zipfile

import pytest
from samtranslator.yaml_helper import yaml_parse

from pipeline.local.environment import local_client
from pipeline.local.ministack import local_aws
from tests.support.alert_payloads import ID
from tests.support.paths import ROOT, UNMEASURED
from tests.support.secrets import SECRET, Vault
from tests.support.tls_server import OK, TlsServer, certificate
from tests.support.waiting import stack_status, until

STACK = "told"


def part():
    """The template's resources for notify, its topic, and what they refer to."""
    whole = yaml_parse((ROOT / "template.yaml").read_text())
    resources = {name: about for name, about in whole["Resources"].items() if name.startswith("Notify") or name == "AlertTopic"}
    # alarms never fire here
    resources = {name: about for name, about in resources.items() if about["Type"] != "AWS::CloudWatch::Alarm"}
    function = whole["Globals"]["Function"]
    function["Environment"]["Variables"] = {"TRACEJOIN_PREFIX": {"Ref": "Prefix"}}
    function |= {"CodeUri": {"Bucket": "code", "Key": "notify.zip"}, "Tracing": "PassThrough"}
    del function["VpcConfig"]
    return {**{key: whole[key] for key in ("AWSTemplateFormatVersion", "Transform", "Parameters", "Conditions")},
            "Globals": {"Function": function}, "Resources": resources}  # fmt: skip


def package():
    """The sources; this machine's Python has the libraries."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for folder in ("pipeline", "shipper_function"):
            for path in (ROOT / folder).rglob("*.py"):
                archive.write(path, path.relative_to(ROOT))
    return data.getvalue()


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """The topic of a stack, and the server of its channel, which fails once and then takes everything."""
    pem, key = certificate(tmp_path_factory.mktemp("tls"), "localhost")
    with Vault() as vault, TlsServer(pem, key, (404, {}, b"no_service"), OK) as slack:
        vault.value = json.dumps([{"type": "slack", "url": f"https://localhost:{slack.port}/SECRETPATH"}])
        with local_aws({**UNMEASURED, **vault.variables(), "SSL_CERT_FILE": str(pem)}) as aws:
            s3, cloudformation = local_client("s3", aws), local_client("cloudformation", aws)
            s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
            s3.put_object(Bucket="code", Key="notify.zip", Body=package())
            given = {"NotifySecretArn": SECRET, "NotifyAllowPrivate": "on", "Architecture": "x86_64"}
            cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(part()), Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
                                        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()])  # fmt: skip
            assert stack_status(cloudformation, STACK) == "CREATE_COMPLETE"
            made = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
            yield aws, {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made}, slack


def test_an_alert_goes_from_the_topic_to_the_channel(stack):
    """The first is refused and lies in the dead letters with its reason; a second one, published later, is told."""
    aws, made, slack = stack
    sns, sqs = local_client("sns", aws), local_client("sqs", aws)
    value = json.dumps({"version": "1.0", "id": ID, "title": f"stock: {uuid.uuid4().hex}"})
    attribute = {"payload": {"DataType": "String", "StringValue": value}}
    sns.publish(TopicArn=made["AlertTopic"], Subject="s", Message="text", MessageAttributes=attribute)
    until(lambda: len(slack.requests) == 1)
    letters = []
    until(
        lambda: (
            letters.extend(sqs.receive_message(QueueUrl=made["NotifyDeadLetters"], MessageAttributeNames=["All"]).get("Messages", ()))
            or letters
        )
    )
    assert letters[0]["MessageAttributes"]["reason"]["StringValue"] == "it answered 404 (no_service), which stays so"
    sqs.send_message(QueueUrl=made["NotifyQueue"], MessageBody=letters[0]["Body"])
    until(lambda: len(slack.requests) == 2)
    assert {json.loads(body)["blocks"][0]["text"]["text"] for _, _, body in slack.requests} == {json.loads(value)["title"]}
