"""Custom resource: whatever happens, CloudFormation gets a response, so that the stack never waits for its time limit.

Source: AWS CloudFormation user guide, "Custom resource request objects" and "Custom resource response objects".
"""

import json
from collections.abc import Callable
from typing import Any

import boto3
import urllib3
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import TracejoinError

# "the total size of the response body can't exceed 4096 bytes"
_LONGEST_REASON = 1000
_RETRIES = urllib3.Retry(total=6, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None)


def is_custom_resource(event: dict[str, Any]) -> bool:
    """Whether ``event`` is CloudFormation's request to a custom resource."""
    return "ResponseURL" in event


def respond(event: dict[str, Any], logger: Logger, work: Callable[[str, bool], dict[str, Any]]) -> dict[str, Any]:
    """Does the work and sends CloudFormation the response, which is also returned. During a rollback it always reports success.

    Args:
        event: CloudFormation's request.
        logger: the function's.
        work: gets the request type (Create, Update, Delete) and whether the stack rolls back, and returns the attributes that
            `Fn::GetAtt` finds, all of them scalars.

    Raises RuntimeError where CloudFormation does not take the response.
    """
    response: dict[str, Any] = {"Status": "SUCCESS", "Data": {}}
    rolls_back = _rolls_back(event)
    try:
        response["Data"] = work(event["RequestType"], rolls_back)
    except Exception as error:  # whatever it is, the stack must not wait for its time limit
        logger.exception("the custom resource could not do its work")
        reason = str(error) if isinstance(error, TracejoinError) else f"{type(error).__name__}: {error}"
        response |= {"Status": "SUCCESS" if rolls_back else "FAILED", "Reason": reason[:_LONGEST_REASON]}
    response |= {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    # one resource per stack, whatever its properties become
    response["PhysicalResourceId"] = event.get("PhysicalResourceId") or f"{event['StackId'].split('/')[1]}-{event['LogicalResourceId']}"
    _put(event["ResponseURL"], response)
    return response


def _put(url: str, response: dict[str, Any]) -> None:
    # the signature of the URL covers an empty content type
    answer = urllib3.PoolManager(retries=_RETRIES).request("PUT", url, body=json.dumps(response).encode(), headers={"content-type": ""})
    if answer.status >= 300:  # noqa: PLR2004
        raise RuntimeError(f"CloudFormation did not take the answer: {answer.status}")


def stack_status(stack_id: str) -> str:
    """The status of the stack ``stack_id``, such as UPDATE_ROLLBACK_IN_PROGRESS; empty where CloudFormation does not answer."""
    # this call must not delay the response to CloudFormation
    patience = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
    try:
        answer = boto3.client("cloudformation", config=patience).describe_stacks(StackName=stack_id)
    except (ClientError, BotoCoreError):
        return ""
    return str(answer["Stacks"][0]["StackStatus"])


def _rolls_back(event: dict[str, Any]) -> bool:
    """Whether the stack rolls an update back. A creation is rolled back by a Delete, which needs no exception."""
    return event["RequestType"] == "Update" and "ROLLBACK" in stack_status(event["StackId"])
