"""API Gateway HTTP: an HTTP API with Lambda behind it. X-Ray does not trace it, so the function begins another trace.

Sources: AWS X-Ray developer guide, "Amazon API Gateway active tracing support" (REST APIs alone); aws/aws-xray-sdk-java issue 301 and
aws/aws-xray-sdk-node issue 569 (the trace id in the header is not the function's); Amazon API Gateway developer guide, "Create Lambda
proxy integrations for HTTP APIs" (payload format 2.0, and how a response without statusCode is read).
"""

import json
import secrets
import time
from typing import Any, Final

from pipeline.local.api_gateway_logs import AccessLog, extended_request_id, milliseconds, proxy_status
from pipeline.local.environment import ACCOUNT, REGION
from pipeline.local.function_environment import Outcome
from pipeline.local.http_messages import HttpRequest, HttpResponse, message
from pipeline.local.lambda_service import LambdaService
from pipeline.local.log_stream import LogStream
from pipeline.local.tracing_headers import header_of, new_trace, stamped

_OK: Final = 200
_FAILED: Final = 500
STAGE: Final = "http"
API: Final = "sample-http-api"
_TRACE_HEADER: Final = "x-amzn-trace-id"


class HttpApi:
    """Routes `/http/NAME` to the function NAME, each request in a new trace."""

    def __init__(self, functions: LambdaService) -> None:
        self._functions = functions
        self._id = secrets.token_hex(5)
        self._access = AccessLog(f"/aws/apigateway/{API}")

    @property
    def logs(self) -> list[LogStream]:
        """The access log; an HTTP API has no execution log."""
        return [self._access.stream]

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The response to a client's request: 500 where the function failed, 404 where there is none."""
        name = request.path.removeprefix(f"/{STAGE}/").strip("/")
        request_id = extended_request_id()
        added = {"apigw-requestid": request_id}
        if name not in self._functions.names:
            return message(404, "Not Found", added)
        begun = time.time()
        # the caller's header reaches the function as data: Lambda begins a trace of its own
        outcome = self._functions.invoke(name, self._event(request, name, request_id), new_trace(sampled=True))
        response = _response(outcome, added)
        self._log_access(request, name, request_id, outcome, response.status, time.time() - begun)
        return response

    def _event(self, request: HttpRequest, name: str, request_id: str) -> dict[str, Any]:
        sent = request.header(_TRACE_HEADER)
        headers = request.lower_headers | {_TRACE_HEADER: stamped(header_of(sent), sent)}
        now = time.time()
        event = {
            "version": "2.0", "routeKey": f"{request.method} /{name}", "rawPath": request.path, "rawQueryString": request.query,
            "headers": headers, "isBase64Encoded": False,
            "requestContext": {
                "accountId": ACCOUNT, "apiId": self._id, "domainName": f"{self._id}.execute-api.{REGION}.amazonaws.com",
                "domainPrefix": self._id, "requestId": request_id, "routeKey": f"{request.method} /{name}", "stage": STAGE,
                "http": {"method": request.method, "path": request.path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                         "userAgent": headers.get("user-agent", "")},
                "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)), "timeEpoch": int(now * 1000),
            },
        }  # fmt: skip
        parameters = {"queryStringParameters": request.parameters} if request.parameters else {}
        return event | parameters | ({"body": request.body.decode()} if request.body else {})

    def _log_access(self, request: HttpRequest, name: str, request_id: str, outcome: Outcome, status: int, seconds: float) -> None:
        error = f"The Lambda function returned the following error: {outcome.error['message']}. " if outcome.error else None
        self._access.write({
            "requestId": request_id, "extendedRequestId": request_id, "httpMethod": request.method,
            "routeKey": f"{request.method} /{name}", "status": status, "integrationStatus": _OK,
            "integrationRequestId": outcome.request_id, "integrationLatency": milliseconds(seconds),
            "responseLatency": milliseconds(seconds), "errorMessage": "Internal Server Error" if error else None,
            "integrationErrorMessage": error and f"{error}Check your Lambda function code and try again.",
        })  # fmt: skip


def _response(outcome: Outcome, headers: dict[str, str]) -> HttpResponse:
    if outcome.error:
        return message(_FAILED, "Internal Server Error", headers)
    status = proxy_status(outcome.result)
    if status is None:
        # a response without statusCode is the body as a whole
        return HttpResponse(_OK, json.dumps(outcome.result).encode(), headers)
    return HttpResponse(status, str(outcome.result.get("body", "")).encode(), headers)
