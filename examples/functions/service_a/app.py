"""service-a: calls everything there is, and answers 200 whatever becomes of it."""

import json
import os
import uuid

import boto3
import requests
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from aws_xray_sdk.core import patch, xray_recorder
from botocore.exceptions import ClientError

patch(("boto3", "requests"))

logger = Logger()
sns = boto3.client("sns")
s3 = boto3.client("s3")
table = boto3.client("dynamodb")
functions = boto3.client("lambda")
PATIENCE = 15


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    query = event.get("queryStringParameters") or {}
    headers = {key.lower(): value for key, value in (event.get("headers") or {}).items()}
    correlation_id = headers.get("x-correlation-id") or str(uuid.uuid4())
    logger.set_correlation_id(correlation_id)
    calls = (query.get("calls") or "sns,s3,dynamodb,service-c,service-b").split(",")
    logger.info("service-a begins", extra={"calls": calls})
    outcomes = {}
    for call in calls:
        with xray_recorder.in_subsegment(f"## {call}") as subsegment:
            subsegment.put_annotation("call", call)
            outcomes[call] = CALLS[call](correlation_id)
    print("service-a is done, a plain print says")
    return {"statusCode": 200, "body": json.dumps(outcomes)}


def publish(correlation_id: str) -> str:
    message = sns.publish(TopicArn=os.environ["TOPIC_ARN"], Message=json.dumps({"correlation_id": correlation_id}))
    return message["MessageId"]


def store(correlation_id: str) -> str:
    bucket = os.environ["BUCKET"]
    s3.put_object(Bucket=bucket, Key=correlation_id, Body=b"an order")
    return s3.get_object(Bucket=bucket, Key=correlation_id)["Body"].read().decode()


def remember(correlation_id: str) -> str:
    key = {"id": {"S": correlation_id}}
    table.put_item(TableName=os.environ["TABLE"], Item=key | {"state": {"S": "accepted"}})
    return table.get_item(TableName=os.environ["TABLE"], Key=key, ConsistentRead=True)["Item"]["state"]["S"]


def remember_once(correlation_id: str) -> str:
    """A conditional write that fails, as it should: the row is there already."""
    key = {"id": {"S": correlation_id}}
    table.put_item(TableName=os.environ["TABLE"], Item=key)
    try:
        table.put_item(TableName=os.environ["TABLE"], Item=key, ConditionExpression="attribute_not_exists(id)")
    except ClientError as error:
        logger.info("already there", extra={"code": error.response["Error"]["Code"]})
    return "once"


def invoke(name: str, correlation_id: str) -> str:
    payload = json.dumps({"headers": {"x-correlation-id": correlation_id}})
    answer = functions.invoke(FunctionName=os.environ[name], Payload=payload)
    # the blog's first complaint: StatusCode is 200 even when FunctionError says that it failed
    return f"{answer['StatusCode']} {answer['Payload'].read().decode()[:80]}"


def call(path: str, correlation_id: str, api: str = "API_URL") -> str:
    answer = requests.get(f"{os.environ[api]}/{path}", headers={"x-correlation-id": correlation_id}, timeout=PATIENCE)
    if not answer.ok:
        logger.warning("a service did not answer well, carrying on", extra={"path": path, "answer": answer.status_code})
    return str(answer.status_code)


CALLS = {
    "sns": publish,
    "s3": store,
    "dynamodb": remember,
    "once": remember_once,
    "service-c": lambda id_: invoke("SERVICE_C", id_),
    "invoke-error": lambda id_: invoke("ERROR_FUNCTION", id_),
    "service-b": lambda id_: call("service-b", id_),
    "service-d": lambda id_: call("service-d", id_, "HTTP_API_URL"),
    "cached-segment": lambda id_: call("cached-segment", id_),
    "error": lambda id_: call("error", id_),
    "timeout": lambda id_: call("timeout", id_),
}
