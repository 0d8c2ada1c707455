"""API Gateway REST: a REST API with tracing on, and Lambda behind it by proxy integration.

Sources: Amazon API Gateway developer guide ("Trace user requests to REST APIs using X-Ray", "Input format of a Lambda function for
proxy integration").
"""

import secrets
import time
import uuid
from typing import Any, Final

from pipeline.local.api_gateway_logs import AccessLog, Execution, ExecutionLog, extended_request_id, milliseconds, proxy_status
from pipeline.local.environment import ACCOUNT, REGION
from pipeline.local.function_environment import Outcome
from pipeline.local.http_messages import HttpRequest, HttpResponse, message
from pipeline.local.lambda_service import LambdaService
from pipeline.local.log_stream import LogStream
from pipeline.local.tracing_headers import header_of, new_span_id, render, stamped
from pipeline.local.xray import LocalXRay
from pipeline.model.trace_ids import TraceHeader, to_xray

_OK: Final = 200
_CLIENT_ERROR: Final = 400
_SERVER_ERROR: Final = 500
_BAD_GATEWAY: Final = 502
STAGE: Final = "prod"
API: Final = "sample-api"


class RestApi:
    """Routes `/prod/NAME` to the function NAME, and continues the caller's trace."""

    def __init__(self, functions: LambdaService, xray: LocalXRay, endpoint: str) -> None:
        self._functions = functions
        self._xray = xray
        self._endpoint = endpoint
        self._id = secrets.token_hex(5)
        self._access = AccessLog(f"/aws/apigateway/{API}")
        self._executions = ExecutionLog(self._id, STAGE)

    @property
    def logs(self) -> list[LogStream]:
        """The access log and the execution log."""
        return [self._access.stream, self._executions.stream]

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The response to a client's request: 502 where the function failed or returned no valid response, 403 where there is none."""
        caller = header_of(request.header("X-Amzn-Trace-Id"))
        name = request.path.removeprefix(f"/{STAGE}/").strip("/")
        added = {"X-Amzn-Trace-Id": render(caller)}
        if name not in self._functions.names:
            return message(403, "Missing Authentication Token", added)
        headers = request.headers | {"X-Amzn-Trace-Id": stamped(caller, request.header("X-Amzn-Trace-Id"))}
        execution = Execution(
            request_id=str(uuid.uuid4()), extended_request_id=extended_request_id(), api_id=self._id, stage=STAGE, method=request.method,
            resource=f"/{name}", function_arn=self._functions.arn(name), headers=headers, caller=caller,
        )  # fmt: skip
        begun, call_id = time.time(), new_span_id()
        self._executions.begin(execution)
        outcome = self._functions.invoke(name, self._event(request, execution), TraceHeader(caller.trace_id, call_id, caller.sampled))
        ended = time.time()
        status = (None if outcome.error else proxy_status(outcome.result)) or _BAD_GATEWAY
        self._executions.end(execution, outcome, status, ended - begun)
        self._log_access(execution, outcome, status, ended - begun)
        if caller.sampled:
            call = {"id": call_id, "name": "Lambda", "namespace": "aws", "start_time": begun, "end_time": ended,
                    "http": {"response": {"status": _OK}}, "aws": {"function_name": name, "operation": "Invoke"}}  # fmt: skip
            url = f"{self._endpoint}{request.path}"
            http = {"request": {"method": request.method, "url": url}, "response": {"status": status}}
            self._xray.put([self._segment(execution, call) | _flags(status) | {"http": http}])
        added |= {"x-amzn-RequestId": execution.request_id, "x-amz-apigw-id": execution.extended_request_id}
        if outcome.error or proxy_status(outcome.result) is None:
            return message(status, "Internal server error", added)
        return HttpResponse(status, str(outcome.result.get("body", "")).encode(), added)

    def _event(self, request: HttpRequest, execution: Execution) -> dict[str, Any]:
        return {
            "resource": execution.resource, "path": execution.resource, "httpMethod": request.method, "headers": dict(execution.headers),
            "queryStringParameters": request.parameters or None, "body": request.body.decode() or None, "isBase64Encoded": False,
            "requestContext": {"accountId": ACCOUNT, "apiId": self._id, "stage": STAGE, "requestId": execution.request_id,
                               "extendedRequestId": execution.extended_request_id, "resourcePath": execution.resource,
                               "httpMethod": request.method, "path": request.path},
        }  # fmt: skip

    def _log_access(self, execution: Execution, outcome: Outcome, status: int, seconds: float) -> None:
        failed = outcome.error is not None
        self._access.write({
            "requestId": execution.request_id, "extendedRequestId": execution.extended_request_id,
            "xrayTraceId": to_xray(execution.caller.trace_id), "httpMethod": execution.method, "resourcePath": execution.resource,
            "status": status,
            # the Lambda API's status: 200 even where the function failed
            "integrationStatus": _OK, "integrationRequestId": outcome.request_id,
            "integrationLatency": milliseconds(seconds), "responseLatency": milliseconds(seconds),
            "errorMessage": "Internal server error" if status == _BAD_GATEWAY else None,
            "integrationError": f"Lambda Customer Function Error:{outcome.error['message']}" if failed and outcome.error else None,
        })  # fmt: skip

    def _segment(self, execution: Execution, call: dict[str, Any]) -> dict[str, Any]:
        caller, ids = execution.caller, {"request_id": execution.request_id, "extended_request_id": execution.extended_request_id}
        segment = {
            "id": new_span_id(), "name": f"{API}/{STAGE}", "trace_id": to_xray(caller.trace_id), "origin": "AWS::ApiGateway::Stage",
            "start_time": call["start_time"], "end_time": call["end_time"], "subsegments": [call],
            "resource_arn": f"arn:aws:apigateway:{REGION}::/restapis/{self._id}/stages/{STAGE}",
            "aws": {"api_gateway": {"account_id": ACCOUNT, "rest_api_id": self._id, "stage": STAGE, "request_id": execution.request_id}},
            "annotations": {"aws:api_id": self._id, "aws:api_stage": STAGE}, "metadata": {"default": ids},
        }  # fmt: skip
        return segment | ({"parent_id": caller.parent_id} if caller.parent_id else {})


def _flags(status: int) -> dict[str, bool]:
    if status >= _SERVER_ERROR:
        return {"fault": True}
    return {"error": True} if status >= _CLIENT_ERROR else {}
