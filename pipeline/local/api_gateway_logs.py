"""What API Gateway logs: access logs in a format that the user chooses, and, for a REST API, execution logs.

Sources: Amazon API Gateway developer guide ("Variables for access logging for API Gateway", "Customize HTTP API access logs", "Set up
CloudWatch logging for REST APIs"), and recorded execution logs, from which texts and order of their lines are taken. What only
a usage plan or full request logging writes (API keys, bodies) is left out.
"""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Final

from pipeline.local.environment import ACCOUNT, REGION
from pipeline.local.lambda_service import Outcome
from pipeline.local.log_stream import LogStream
from pipeline.local.tracing_headers import render
from pipeline.model.trace_ids import TraceHeader, to_xray

_ABSENT: Final = "-"
_LONGEST: Final = 1024


def stream(group: str) -> LogStream:
    """A stream of API Gateway's: their names are 32 hex digits."""
    return LogStream(group, secrets.token_hex(16))


def extended_request_id() -> str:
    """An id as `x-amz-apigw-id` and `apigw-requestid` carry it: 16 characters of base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


def milliseconds(seconds: float) -> int:
    """A latency as API Gateway counts it."""
    return round(seconds * 1000)


class AccessLog:
    """One line a request: $context variables as JSON."""

    def __init__(self, group: str) -> None:
        self.stream = stream(group)

    def write(self, context: Mapping[str, object]) -> None:
        """Logs a request; every value is a string, and what is absent is a hyphen."""
        self.stream.write(json.dumps({name: _ABSENT if value is None else str(value) for name, value in context.items()}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A request on its way through a REST API."""

    request_id: str
    extended_request_id: str
    api_id: str
    stage: str
    method: str
    resource: str
    function_arn: str
    headers: Mapping[str, str]
    caller: TraceHeader


class ExecutionLog:
    """A dozen lines a request, each beginning with its id."""

    def __init__(self, api_id: str, stage: str) -> None:
        self.stream = stream(f"API-Gateway-Execution-Logs_{api_id}/{stage}")

    def begin(self, execution: Execution) -> None:
        """Logs what goes to the function."""
        uri = f"https://lambda.{REGION}.amazonaws.com/2015-03-31/functions/{execution.function_arn}/invocations"
        source = f"{execution.api_id}/{execution.stage}/{execution.method}{execution.resource}"
        sent = {
            "x-amzn-lambda-integration-tag": execution.request_id, "Authorization": "*" * 32,
            "X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), "x-amzn-apigateway-api-id": execution.api_id,
            "X-Amz-Source-Arn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{source}", "Accept": "application/json",
            "User-Agent": f"AmazonAPIGateway_{execution.api_id}", "X-Amzn-Trace-Id": f"Root={to_xray(execution.caller.trace_id)}",
        }  # fmt: skip
        for text in (
            f"Extended Request Id: {execution.extended_request_id}",
            f"Starting execution for request: {execution.request_id}",
            f"HTTP Method: {execution.method}, Resource Path: {execution.resource}",
            f"Method request headers: {_headers(execution.headers)}",
            f"Endpoint request headers: {_headers(sent)}",
            f"Sending request to {uri}",
        ):
            self._write(execution, text)

    def end(self, execution: Execution, outcome: Outcome, status: int, seconds: float) -> None:
        """Logs what came back, and what was made of it."""
        answered = {
            "Date": formatdate(usegmt=True), "Content-Type": "application/json", "Connection": "keep-alive",
            "x-amzn-RequestId": outcome.request_id, **({"X-Amz-Function-Error": "Unhandled"} if outcome.error else {}),
            "x-amzn-Remapped-Content-Length": "0", "X-Amz-Executed-Version": "$LATEST",
            # Lambda writes the names of the header's parts in lower case, and hex digits are that anyway
            "X-Amzn-Trace-Id": render(execution.caller).lower(),
        }  # fmt: skip
        for text in (
            f"Received response. Status: 200, Integration latency: {milliseconds(seconds)} ms",
            f"Endpoint response headers: {_headers(answered)}",
            *_verdict(outcome),
            f"Method completed with status: {status}",
            f"AWS Integration Endpoint RequestId : {outcome.request_id}",
            f"X-ray Tracing ID : {to_xray(execution.caller.trace_id)}",
        ):
            self._write(execution, text)

    def _write(self, execution: Execution, text: str) -> None:
        self.stream.write(f"({execution.request_id}) {text}")


def _verdict(outcome: Outcome) -> tuple[str, ...]:
    if outcome.error:
        why = f"Lambda execution failed with status 200 due to customer function error: {outcome.error['message']}"
        return (f"{why}. Lambda request id: {outcome.request_id}",)
    if proxy_status(outcome.result) is None:
        return ("Execution failed due to configuration error: Malformed Lambda proxy response",)
    return ("Successfully completed execution",)


def proxy_status(result: Any) -> int | None:
    """The status in a function's answer; None where it is no answer of the Lambda proxy integration."""
    status = result.get("statusCode") if isinstance(result, dict) else None
    return int(status) if isinstance(status, int | str) and str(status).isdecimal() else None


def _headers(headers: Mapping[str, str]) -> str:
    """Headers as execution logs show them: cut where they are long."""
    text = "{" + ", ".join(f"{name}={value}" for name, value in headers.items()) + "}"
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " [TRUNCATED]"
