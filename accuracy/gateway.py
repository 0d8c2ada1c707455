"""Gateway: makes what API Gateway leaves: a REST API's segment and two logs, and the access log of an HTTP API, which X-Ray does not know.

Source: Amazon API Gateway developer guide, "Understanding AWS X-Ray service maps and trace views with API Gateway".
"""

from types import TracebackType
from typing import Any, Self

from accuracy.calls import flags
from accuracy.functions import Function
from accuracy.transaction import ACCOUNT, Transaction
from pipeline.local.api_gateway_lines import SUCCESS, access_line, customer_error, request_lines, response_lines
from pipeline.local.lambda_lines import timed_out

_ABSENT = "-"


class RestApi:
    """One request to a REST API, as a context manager.

    Args:
        tx: the transaction.
        status: what the client gets; it may be changed until the end.
        traced: whether X-Ray's tracing is on for the stage.
        target: ``Lambda`` or another AWS service that the stage calls.
        logs: any of ``access`` and ``execution``; random ones if None.

    Attributes:
        note: the execution log's line on a failure of the API itself.
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
        """Returns the function behind the API."""
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
            self.tx.log("/aws/apigateway/shop", access_line(self._access()))

    def _target(self) -> dict[str, Any]:
        if self.function is None:
            return {"operation": "StartSyncExecution"}
        return {"operation": "Invoke", "function_name": self.function.name, "request_id": self.integration_id}

    def _access(self) -> dict[str, object]:
        if self.tx.rng.random() < 0.2:
            # the console's example
            return {"requestId": self.request_id, "ip": "192.0.2.7", "caller": None, "user": None, "requestTime": self.tx.iso(),
                    "httpMethod": self.method, "resourcePath": self.path, "status": self.status, "protocol": "HTTP/1.1",
                    "responseLength": "42", "xrayTraceId": self.tx.xray_id}  # fmt: skip
        return {"requestId": self.request_id, "extendedRequestId": self._extended_id, "xrayTraceId": self.tx.xray_id,
                "integrationRequestId": self.integration_id, "httpMethod": self.method, "resourcePath": self.path,
                "status": self.status, "integrationStatus": "200", "integrationLatency": "117", "responseLatency": "121",
                "errorMessage": self.error_message,
                "integrationError": _ABSENT, "ip": "192.0.2.7"}  # fmt: skip

    def _begin_execution_log(self) -> None:
        sent = {"x-amzn-lambda-integration-tag": self.request_id, "X-Amzn-Trace-Id": f"Root={self.tx.xray_id}",
                "User-Agent": f"AmazonAPIGateway_{self.api_id}"}  # fmt: skip
        self._execution(request_lines(self.request_id, self._extended_id, self.method, self.path, sent))

    def _end_execution_log(self) -> None:
        failed = {"X-Amz-Function-Error": "Unhandled"} if self.function and self.function.end != "success" else {}
        answered = {"Content-Type": "application/json", "x-amzn-RequestId": self.integration_id, **failed,
                    "X-Amzn-Trace-Id": f"root={self.tx.xray_id};sampled={int(self.tx.sampled)}"}  # fmt: skip
        verdict = self.note or self._verdict()
        self._execution(response_lines(self.request_id, self.integration_id, self.tx.trace_id, answered, verdict, self.status, 117))

    def _verdict(self) -> str:
        if self.function and self.function.end != "success":
            return customer_error(self.function.error[1] if self.function.error else timed_out(3), self.integration_id)
        return SUCCESS

    def _execution(self, lines: list[str]) -> None:
        for line in lines:
            self.tx.log(f"API-Gateway-Execution-Logs_{self.api_id}/prod", line)


class HttpApi:
    """One request to an HTTP API, as a context manager: it leaves only a line in the access log, which names the function's request."""

    def __init__(self, tx: Transaction, status: int = 200, *, route: str = "POST /orders", integration_error: str = _ABSENT) -> None:
        self.tx, self.status, self.route, self.integration_error = tx, status, route, integration_error
        self.request_id, self.integration_id = f"{tx.rng.getrandbits(60):015x}=", _ABSENT

    def function_named(self, name: str, **options: Any) -> Function:
        """Returns the function behind the API, which begins a trace of its own."""
        function = Function(self.tx, name, **options)
        self.integration_id = function.request_id
        return function

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.tx.wait(0.002)
        line = {"requestId": self.request_id, "integrationRequestId": self.integration_id, "httpMethod": self.route.partition(" ")[0],
                "routeKey": self.route, "status": self.status, "integrationStatus": "200", "integrationLatency": "117",
                "responseLatency": "121", "errorMessage": _ABSENT, "integrationErrorMessage": self.integration_error,
                "ip": "192.0.2.7"}  # fmt: skip
        self.tx.log("/aws/apigateway/shop-http", access_line(line))
