"""API Gateway logs: writes the access logs of both kinds of API and the execution log of a REST API."""

import base64
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from pipeline.local.api_gateway_lines import MALFORMED, SUCCESS, access_line, customer_error, request_lines, response_lines
from pipeline.local.environment import ACCOUNT, REGION
from pipeline.local.function_environment import Outcome
from pipeline.local.log_stream import LogStream
from pipeline.local.tracing_headers import render
from pipeline.model.trace_ids import TraceHeader, to_xray


def stream(group: str) -> LogStream:
    """Returns a new log stream of API Gateway, whose name is 32 hex digits."""
    return LogStream(group, secrets.token_hex(16))


def extended_request_id() -> str:
    """Returns a new id as `x-amz-apigw-id` and `apigw-requestid` carry it: 16 characters of base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


def milliseconds(seconds: float) -> int:
    """Returns a latency in whole milliseconds, as API Gateway counts it."""
    return round(seconds * 1000)


class AccessLog:
    """An access log: one line a request, with $context variables as JSON."""

    def __init__(self, group: str) -> None:
        self.stream = stream(group)

    def write(self, context: Mapping[str, object]) -> None:
        """Logs a request by its $context variables; None is an absent one."""
        self.stream.write(access_line(context))


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
    """The execution log of a stage: a dozen lines a request, each beginning with its id."""

    def __init__(self, api_id: str, stage: str) -> None:
        self.stream = stream(f"API-Gateway-Execution-Logs_{api_id}/{stage}")

    def begin(self, execution: Execution) -> None:
        """Logs what API Gateway sends to the function."""
        uri = f"https://lambda.{REGION}.amazonaws.com/2015-03-31/functions/{execution.function_arn}/invocations"
        source = f"{execution.api_id}/{execution.stage}/{execution.method}{execution.resource}"
        sent = {
            "x-amzn-lambda-integration-tag": execution.request_id, "Authorization": "*" * 32,
            "X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), "x-amzn-apigateway-api-id": execution.api_id,
            "X-Amz-Source-Arn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{source}", "Accept": "application/json",
            "User-Agent": f"AmazonAPIGateway_{execution.api_id}", "X-Amzn-Trace-Id": f"Root={to_xray(execution.caller.trace_id)}",
        }  # fmt: skip
        for line in request_lines(execution.request_id, execution.extended_request_id, execution.method, execution.resource, sent,
                                  received=execution.headers, uri=uri):  # fmt: skip
            self.stream.write(line)

    def end(self, execution: Execution, outcome: Outcome, status: int, seconds: float) -> None:
        """Logs what the function answered, and what the client gets."""
        answered = {
            "Date": formatdate(usegmt=True), "Content-Type": "application/json", "Connection": "keep-alive",
            "x-amzn-RequestId": outcome.request_id, **({"X-Amz-Function-Error": "Unhandled"} if outcome.error else {}),
            "x-amzn-Remapped-Content-Length": "0", "X-Amz-Executed-Version": "$LATEST",
            # Lambda writes the names of the header's parts in lower case, and hex digits are that anyway
            "X-Amzn-Trace-Id": render(execution.caller).lower(),
        }  # fmt: skip
        for line in response_lines(execution.request_id, outcome.request_id, execution.caller.trace_id, answered, _verdict(outcome), status,
                                   milliseconds(seconds)):  # fmt: skip
            self.stream.write(line)


def _verdict(outcome: Outcome) -> str:
    if outcome.error:
        return customer_error(outcome.error["message"], outcome.request_id)
    return MALFORMED if proxy_status(outcome.result) is None else SUCCESS


def proxy_status(result: Any) -> int | None:
    """Returns the status in a function's answer; None if the answer does not fit the Lambda proxy integration."""
    status = result.get("statusCode") if isinstance(result, dict) else None
    return int(status) if isinstance(status, int | str) and str(status).isdecimal() else None
