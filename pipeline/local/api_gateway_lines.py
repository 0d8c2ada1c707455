"""API Gateway lines: makes the lines of API Gateway's access logs and of a REST API's execution logs.

Sources: Amazon API Gateway developer guide ("Variables for access logging for API Gateway", "Customize HTTP API access logs", "Set up
CloudWatch logging for REST APIs"), and recorded execution logs, from which texts and order of their lines are taken. What only
a usage plan or full request logging writes (API keys, bodies) is left out.
"""

import json
from collections.abc import Mapping
from typing import Final

from pipeline.model.trace_ids import to_xray

SUCCESS: Final = "Successfully completed execution"
MALFORMED: Final = "Execution failed due to configuration error: Malformed Lambda proxy response"
_ABSENT: Final = "-"
_LONGEST: Final = 1024


def access_line(context: Mapping[str, object]) -> str:
    """Returns the access log's line on a request, as JSON: every value is a string, and None is a hyphen."""
    return json.dumps({name: _ABSENT if value is None else str(value) for name, value in context.items()})


def customer_error(message: str, integration_id: str) -> str:
    """Returns the execution log's words on a function that failed with ``message``."""
    return f"Lambda execution failed with status 200 due to customer function error: {message}. Lambda request id: {integration_id}"


def request_lines(request_id: str, extended_id: str, method: str, path: str, sent: Mapping[str, str], *,
                  received: Mapping[str, str] | None = None, uri: str = "") -> list[str]:  # fmt: skip
    """Returns the execution log's lines before the integration answers; ``sent`` and ``received`` are headers."""
    lines = [f"Extended Request Id: {extended_id}", f"Starting execution for request: {request_id}",
             f"HTTP Method: {method}, Resource Path: {path}"]  # fmt: skip
    if received is not None:
        lines.append(f"Method request headers: {_headers(received)}")
    lines.append(f"Endpoint request headers: {_headers(sent)}")
    if uri:
        lines.append(f"Sending request to {uri}")
    return [f"({request_id}) {line}" for line in lines]


def response_lines(request_id: str, integration_id: str, trace_id: str, answered: Mapping[str, str], verdict: str, status: int,
                   milliseconds: int) -> list[str]:  # fmt: skip
    """Returns the execution log's lines after the integration has answered; ``answered`` are its headers, ``status`` is the client's."""
    lines = (f"Received response. Status: 200, Integration latency: {milliseconds} ms", f"Endpoint response headers: {_headers(answered)}",
             verdict, f"Method completed with status: {status}", f"AWS Integration Endpoint RequestId : {integration_id}",
             f"X-ray Tracing ID : {to_xray(trace_id)}")  # fmt: skip
    return [f"({request_id}) {line}" for line in lines]


def _headers(headers: Mapping[str, str]) -> str:
    """Returns headers as execution logs show them: cut if they are long."""
    text = "{" + ", ".join(f"{name}={value}" for name, value in headers.items()) + "}"
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " [TRUNCATED]"
