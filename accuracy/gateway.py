"""API Gateway: a REST API with its segment and its two logs, and an HTTP API, of which X-Ray knows nothing.

Sources: Amazon API Gateway developer guide, "Understanding AWS X-Ray service maps and trace views with API Gateway", "Variables for access
logging", "Set up CloudWatch logging for REST APIs".
"""

import json
from types import TracebackType
from typing import Any, Self

from accuracy.calls import flags
from accuracy.functions import Function
from accuracy.transaction import ACCOUNT, Transaction

_ABSENT = "-"


class RestApi:
    """One request to a REST API, as a context manager.

    Args:
        tx: the transaction.
        status: what the client gets, unless it is changed until the end.
        traced: whether the stage has X-Ray's tracing on.
        target: ``Lambda`` or another AWS service that the stage calls.
        logs: any of ``access`` and ``execution``; by chance where None.

    Attributes:
        note: how the execution log tells that something went wrong.
        error_message: of the access log.
    """

    def __init__(self, tx: Transaction, status: int = 200, *, traced: bool = True, target: str = "Lambda",
                 logs: tuple[str, ...] | None = None, method: str = "POST", path: str = "/orders") -> None:  # fmt: skip
        self.tx, self.status, self.method, self.path = tx, status, method, path
        self.traced, self.target = traced, target
        self.logs = logs if logs is not None else tx.rng.choice(((), ("access",), ("execution",), ("access", "execution")))
        self.request_id, self.api_id = tx.request_id(), f"{tx.rng.getrandbits(40):010x}"
        self.integration_id, self.note, self.error_message = _ABSENT, "", _ABSENT
        self.function: Function | None = None
        self._extended_id = f"{tx.rng.getrandbits(60):015x}="
        at = {"start_time": tx.now}
        self.call = tx.subsegment(target, namespace="aws") | at
        self.segment = tx.segment(
            "shop/prod", origin="AWS::ApiGateway::Stage", resource_arn=f"arn:aws:apigateway:eu-west-1::/restapis/{self.api_id}/stages/prod",
            aws={"api_gateway": {"account_id": ACCOUNT, "rest_api_id": self.api_id, "stage": "prod", "request_id": self.request_id}},
            annotations={"aws:api_id": self.api_id, "aws:api_stage": "prod"},
            metadata={"default": {"extended_request_id": self._extended_id, "request_id": self.request_id}},
        ) if traced else None  # fmt: skip

    def function_named(self, name: str, **options: Any) -> Function:
        """The function behind the API."""
        self.function = Function(self.tx, name, self.call["id"] if self.traced else "", **options)
        self.integration_id = self.function.request_id
        return self.function

    def __enter__(self) -> Self:
        if "execution" in self.logs:
            self._begin_execution_log()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.tx.wait(0.002)
        self.tx.close(self.call, {"http": {"response": {"status": 200}}, "aws": self._target()})
        if self.segment is not None:
            url = f"https://{self.api_id}.execute-api.eu-west-1.amazonaws.com/prod{self.path}"
            request = {"url": url, "method": self.method, "client_ip": "192.0.2.7", "user_agent": "curl/8.5.0"}
            http = {"request": request, "response": {"status": self.status, "content_length": 0}}
            self.tx.close(self.segment, {"http": http, "subsegments": [self.call], **flags(self.status)})
        if "execution" in self.logs:
            self._end_execution_log()
        if "access" in self.logs:
            self.tx.log("/aws/apigateway/shop", json.dumps(self._access()))

    def _target(self) -> dict[str, Any]:
        if self.function is None:
            return {"operation": "StartSyncExecution"}
        return {"operation": "Invoke", "function_name": self.function.name, "request_id": self.integration_id}

    def _access(self) -> dict[str, str]:
        if self.tx.rng.random() < 0.2:
            # the console's example
            return {"requestId": self.request_id, "ip": "192.0.2.7", "caller": _ABSENT, "user": _ABSENT, "requestTime": self.tx.iso,
                    "httpMethod": self.method, "resourcePath": self.path, "status": str(self.status), "protocol": "HTTP/1.1",
                    "responseLength": "42", "xrayTraceId": self.tx.xray_id}  # fmt: skip
        return {"requestId": self.request_id, "extendedRequestId": self._extended_id, "xrayTraceId": self.tx.xray_id,
                "integrationRequestId": self.integration_id, "httpMethod": self.method, "resourcePath": self.path,
                "status": str(self.status), "integrationStatus": "200", "integrationLatency": "117", "responseLatency": "121",
                "errorMessage": self.error_message,
                "integrationError": _ABSENT, "ip": "192.0.2.7"}  # fmt: skip

    def _begin_execution_log(self) -> None:
        self._execution(f"Extended Request Id: {self._extended_id}")
        self._execution(f"Starting execution for request: {self.request_id}")
        self._execution(f"HTTP Method: {self.method}, Resource Path: {self.path}")
        self._execution(f"Endpoint request headers: {{x-amzn-lambda-integration-tag={self.request_id}, "
                        f"X-Amzn-Trace-Id=Root={self.tx.xray_id}, User-Agent=AmazonAPIGateway_{self.api_id}}}")  # fmt: skip

    def _end_execution_log(self) -> None:
        failed = ", X-Amz-Function-Error=Unhandled" if self.function and self.function.end != "success" else ""
        self._execution("Received response. Status: 200, Integration latency: 117 ms")
        self._execution(f"Endpoint response headers: {{Content-Type=application/json, x-amzn-RequestId={self.integration_id}{failed}, "
                        f"X-Amzn-Trace-Id=root={self.tx.xray_id};sampled={int(self.tx.sampled)}}}")  # fmt: skip
        self._execution(self.note or self._outcome())
        self._execution(f"Method completed with status: {self.status}")
        self._execution(f"AWS Integration Endpoint RequestId : {self.integration_id}")
        self._execution(f"X-ray Tracing ID : {self.tx.xray_id}")

    def _outcome(self) -> str:
        if self.function and self.function.end != "success":
            why = self.function.error[1] if self.function.error else "Task timed out after 3.00 seconds"
            return (
                f"Lambda execution failed with status 200 due to customer function error: {why}. Lambda request id: {self.integration_id}"
            )
        return "Successfully completed execution"

    def _execution(self, text: str) -> None:
        self.tx.log(f"API-Gateway-Execution-Logs_{self.api_id}/prod", f"({self.request_id}) {text}")


class HttpApi:
    """One request to an HTTP API: nothing but a line in its access log, which names the function's request."""

    def __init__(self, tx: Transaction, status: int = 200, *, route: str = "POST /orders", integration_error: str = _ABSENT) -> None:
        self.tx, self.status, self.route, self.integration_error = tx, status, route, integration_error
        self.request_id, self.integration_id = f"{tx.rng.getrandbits(60):015x}=", _ABSENT

    def function_named(self, name: str, **options: Any) -> Function:
        """The function behind the API, which begins a trace of its own."""
        function = Function(self.tx, name, **options)
        self.integration_id = function.request_id
        return function

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.tx.wait(0.002)
        line = {"requestId": self.request_id, "integrationRequestId": self.integration_id, "httpMethod": self.route.partition(" ")[0],
                "routeKey": self.route, "status": str(self.status), "integrationStatus": "200", "integrationLatency": "117",
                "responseLatency": "121", "errorMessage": _ABSENT, "integrationErrorMessage": self.integration_error,
                "ip": "192.0.2.7"}  # fmt: skip
        self.tx.log("/aws/apigateway/shop-http", json.dumps(line))
