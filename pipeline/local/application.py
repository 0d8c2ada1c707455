"""Application: runs the sample application's real handlers on the local platform, and sends it requests."""

import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pipeline.errors import MisconfiguredError
from pipeline.local.environment import REGION, local_client, local_open
from pipeline.local.http_server import Platform
from pipeline.local.lambda_service import Function, LambdaService
from pipeline.local.ministack import local_aws
from pipeline.local.sns_sqs import Messages
from pipeline.local.tracing_headers import header_of, new_trace, render
from pipeline.local.xray import LocalXRay
from pipeline.model.trace_ids import parse_header

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "functions"
SIMULATED: Final = (
    "Lambda's service and API Gateway (their own log lines and segments), and SNS's hand-over of the tracing header: pipeline/local",
    "X-Ray: pipeline/local/xray.py, which receives the X-Ray SDK's own datagrams",
    "SNS, SQS, S3 and DynamoDB: ministack",
    "CloudWatch Logs' subscription: the events are built in its format",
)
_FUNCTIONS: Final = (
    Function(name="service-a", handler=EXAMPLES / "service_a" / "app.py", timeout=10.0),
    Function(name="service-b", handler=EXAMPLES / "service_b" / "app.py"),
    Function(name="service-c", handler=EXAMPLES / "service_c" / "app.py"),
    Function(name="service-d", handler=EXAMPLES / "service_d" / "app.py"),
    Function(name="consumer", handler=EXAMPLES / "consumer" / "app.py"),
    Function(name="cached-segment", handler=EXAMPLES / "cached_segment" / "app.py"),
    Function(name="error", handler=EXAMPLES / "error" / "app.py"),
    Function(name="timeout", handler=EXAMPLES / "timeout" / "app.py", timeout=0.5),
)
_PACKAGES: Final = ("ministack", "osmem_server")
_ORDERS: Final = "sample-orders"
_PATIENCE: Final = 20.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the application, and the status that the client got."""

    title: str
    calls: str
    trace_id: str
    correlation_id: str
    status: int


@dataclass(frozen=True, slots=True)
class SampleRun:
    """A finished run of the application: the subscription events of its logs, and the requests to it."""

    events: list[dict[str, Any]]
    requests: list[Request]


_REQUESTS: Final = (
    ("all is well", "sns,s3,dynamodb,service-c,service-b,cached-segment", True),
    ("a function fails behind API Gateway", "s3,error", True),
    ("a function times out behind API Gateway", "dynamodb,timeout", True),
    ("an invoked function fails", "service-c,invoke-error", True),
    ("a write is refused, as it should, and an id is stale", "once,cached-segment", True),
    ("one transaction, several traces", "sns,service-b,service-d", True),
    ("all is well, and nobody records it", "sns,service-b", False),
)


def require_sample_application() -> None:
    """Raises MisconfiguredError where the sample application, or a package that it needs, is missing."""
    if not EXAMPLES.exists():
        raise MisconfiguredError(["the sample application is in the repository's examples/: run `make demo` in a clone"])
    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise MisconfiguredError([f"{' and '.join(missing)} not installed: run `make demo`, or pip install 'tracejoin[local]'"])


def run_sample_application(xray: LocalXRay, storage: str = "") -> SampleRun:
    """Runs the application, sends it all sample requests one by one, and returns its logs.

    Args:
        xray: the local X-Ray that gets its segments.
        storage: the endpoint of a local AWS (`local_aws`); without one it starts its own.

    Raises MisconfiguredError where the sample handlers or their packages are missing, UnavailableError where a part of the local
    platform does not start.
    """
    require_sample_application()
    with ExitStack() as stack:
        platform = stack.enter_context(Platform(xray))
        storage = storage or stack.enter_context(local_aws())
        messages = Messages(storage, _ORDERS)
        functions = LambdaService(list(_FUNCTIONS), _variables(xray, platform, storage, messages.topic_arn), xray)
        stack.callback(functions.stop)
        _create_resources(storage)
        functions.wait_until_ready()
        platform.serve(functions, messages)
        requests = [_send(platform, number, *request) for number, request in enumerate(_REQUESTS, 1)]
        messages.deliver(functions, "consumer")
        # the X-Ray SDK's last datagrams need a moment to arrive
        time.sleep(0.1)
        return SampleRun([log.subscription_event() for log in (*functions.logs, *platform.logs) if log.events], requests)


def _send(platform: Platform, number: int, title: str, calls: str, sampled: bool) -> Request:
    correlation_id = f"order-{number}-{new_trace(sampled=sampled).trace_id[8:16]}"
    headers = {"x-correlation-id": correlation_id}
    if not sampled:
        headers["X-Amzn-Trace-Id"] = render(new_trace(sampled=False))
    request = urllib.request.Request(f"{platform.api_url}/service-a?calls={quote(calls, safe=',')}", headers=headers)  # noqa: S310
    try:
        with local_open(request, timeout=_PATIENCE) as answer:
            status, header = answer.status, answer.headers["X-Amzn-Trace-Id"]
    except urllib.error.HTTPError as error:
        with error:
            status, header = error.code, error.headers["X-Amzn-Trace-Id"]
    trace = parse_header(header) or header_of(None)
    return Request(title, calls, trace.trace_id, correlation_id, status)


def _variables(xray: LocalXRay, platform: Platform, storage: str, topic: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": storage, "AWS_ENDPOINT_URL_LAMBDA": platform.endpoint, "AWS_ENDPOINT_URL_SNS": platform.sns_endpoint,
        "AWS_XRAY_DAEMON_ADDRESS": xray.daemon_address, "API_URL": platform.api_url, "HTTP_API_URL": platform.http_api_url,
        "BUCKET": _ORDERS, "TABLE": _ORDERS, "TOPIC_ARN": topic, "SERVICE_C": "service-c", "ERROR_FUNCTION": "error",
    }  # fmt: skip


def _create_resources(storage: str) -> None:
    local_client("s3", storage).create_bucket(Bucket=_ORDERS, CreateBucketConfiguration={"LocationConstraint": REGION})
    local_client("dynamodb", storage).create_table(
        TableName=_ORDERS, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
