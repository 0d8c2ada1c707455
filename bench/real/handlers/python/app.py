"""Python handler: writes lines of many kinds, and says of each, before it writes it, what kind it is and what it reports.

It says so to the Runtime API that runs it, at a path which Lambda has not, so that nothing of it stands in the log.
"""

import http.client
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import structlog
from aws_lambda_powertools import Logger
from loguru import logger as loguru
from pythonjsonlogger.json import JsonFormatter

JSON_FORMAT = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
MANAGED = "AWS_LAMBDA_MAX_CONCURRENCY" in os.environ

CURRENT = {"stale": ""}
"""The trace of an earlier invocation, for lines that name it."""
Step = Callable[[dict[str, Any]], object]


runtime_logger = logging.getLogger()
runtime_logger.setLevel(logging.INFO)
powertools = Logger(service="orders")
powertools_without_context = Logger(service="orders-repository", child=False)

json_logger = logging.getLogger("json")
json_logger.propagate = False
json_logger.addHandler(logging.StreamHandler(sys.stdout))
json_logger.handlers[0].setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
plain_logger = logging.getLogger("plain")
plain_logger.propagate = False
plain_logger.addHandler(logging.StreamHandler(sys.stderr))
plain_logger.handlers[0].setFormatter(logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s"))
structlog_json = structlog.wrap_logger(
    structlog.PrintLogger(),
    processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"),
                structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=not MANAGED)),
                structlog.processors.JSONRenderer()],
)  # fmt: skip
structlog_console = structlog.wrap_logger(
    structlog.PrintLogger(),
    processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"),
                structlog.dev.ConsoleRenderer(colors=True, exception_formatter=structlog.dev.plain_traceback)],
)  # fmt: skip
loguru.remove()
# what it shows of variables would name ids in lines that have none
loguru.add(sys.stderr, colorize=False, diagnose=not MANAGED)

if os.environ.get("INIT_LINES"):
    print("loading the configuration")
    runtime_logger.info("connecting to the database")
    powertools.info("the cache is warm")


class StockError(Exception):
    """What the handler raises of its own."""


def tell(kind: str, request_id: str, **truth: Any) -> None:
    """Tells the Runtime API what kind of line comes next."""
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request("POST", "/truth", json.dumps({"kind": kind, "requestId": request_id, **truth}))
    connection.getresponse().read()
    connection.close()


def stock(order: int) -> None:
    """Raises, two functions deep."""

    def reserve() -> None:
        raise StockError(f"no stock for order {order}")

    try:
        reserve()
    except StockError as error:
        raise ValueError(f"order {order} cannot be placed") from error


def sqs_event(event: dict[str, Any]) -> dict[str, Any]:
    """An event of Amazon SQS whose sender ran in another trace."""
    attributes = {"ApproximateReceiveCount": "1", "AWSTraceHeader": event["foreign"]["header"], "SentTimestamp": "1700000000000"}
    record = {"messageId": event["foreign"]["id"], "receiptHandle": "AQEB", "body": json.dumps({"order": event["order"]}),
              "attributes": attributes, "messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": "eu-west-1",
              "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:orders"}  # fmt: skip
    return {"Records": [record]}


def http_event(event: dict[str, Any]) -> dict[str, Any]:
    """An event of an HTTP API whose caller sent a tracing header."""
    headers = {"accept": "*/*", "x-amzn-trace-id": event["foreign"]["header"].partition(";Parent")[0], "x-forwarded-proto": "https"}
    context = {"accountId": "123456789012", "apiId": "a1b2c3", "requestId": "IoDxHgyAjoEEMkA=", "stage": "$default"}
    return {
        "version": "2.0",
        "routeKey": "GET /orders",
        "rawPath": "/orders",
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": False,
    }


def catching(log: Callable[[dict[str, Any]], object]) -> Step:
    """A step that logs an exception which it caught."""

    def work(event: dict[str, Any]) -> None:
        try:
            stock(event["order"])
        except ValueError:
            log(event)

    return work


ERROR, EXCEPTION, STALE = {"error": True}, {"error": True, "exception": True}, {"stale": True}
STEPS: list[tuple[str, dict[str, bool], Step]] = [
    ("print", {}, lambda event: print(f"order {event['order']} accepted")),
    ("print of several lines", {}, lambda event: print(f"order {event['order']}:\n  2 lines\n  paid")),
    ("print of a dict", {}, lambda event: print({"order": event["order"], "paid": True, "error": None})),
    ("print of JSON", {}, lambda event: print(json.dumps({"order": event["order"], "status": "accepted", "errors": []}))),
    ("print of an SQS event", {}, lambda event: print(sqs_event(event))),
    ("print of an SQS event as JSON", {}, lambda event: print(json.dumps(sqs_event(event)))),
    ("logging of an SQS event", {}, lambda event: runtime_logger.info("## EVENT %s", sqs_event(event))),
    ("logging of an HTTP event as JSON", {}, lambda event: runtime_logger.info(json.dumps(http_event(event)))),
    ("powertools of an SQS event", {}, lambda event: powertools.info(sqs_event(event))),
    ("print that names a stale trace", STALE, lambda event: print(f"order-{event['order']} trace_id={CURRENT['stale']}")),
    ("print of JSON that names a stale trace", STALE, lambda _: print(json.dumps({"xray_trace_id": CURRENT["stale"]}))),
    ("structlog that names a stale trace", STALE, lambda _: structlog_json.info("order accepted", trace_id=CURRENT["stale"])),
    ("JSON that names another service's request id", {},
     lambda event: print(json.dumps({"requestId": event["foreign"]["id"], "service": "dynamodb", "attempts": 1}))),
    ("text that names another service's request id", {},
     lambda event: print(f"dynamodb answered, RequestId: {event['foreign']['id']}, 1 attempt")),
    ("logging.info", {}, lambda event: runtime_logger.info("order %d accepted", event["order"])),
    ("logging.warning", {}, lambda event: runtime_logger.warning("order %d: no error yet, but slow", event["order"])),
    ("logging.error", ERROR, lambda event: runtime_logger.error("order %d refused", event["order"])),
    ("logging.critical", ERROR, lambda event: runtime_logger.critical("the pool is gone\nfor order %d", event["order"])),
    ("logging.exception", EXCEPTION,
     catching(lambda event: runtime_logger.exception("order %d failed", event["order"]))),  # noqa: LOG004  # `catching` calls it in a handler
    ("python-json-logger info", {}, lambda event: json_logger.warning("order accepted", extra={"order": event["order"]})),
    ("python-json-logger exception", EXCEPTION, catching(lambda _: json_logger.exception("order failed"))),  # noqa: LOG004  # as above
    ("logging with a formatter of its own", {}, lambda event: plain_logger.warning("order %d accepted", event["order"])),
    ("logging error with a formatter of its own", ERROR, lambda event: plain_logger.error("order %d refused", event["order"])),
    ("traceback on stderr", EXCEPTION, catching(lambda _: traceback.print_exc())),
    ("powertools info", {}, lambda event: powertools.info("order accepted", order=event["order"])),
    ("powertools error", ERROR, lambda event: powertools.error({"order": event["order"], "reason": "no stock"})),
    ("powertools exception", EXCEPTION, catching(lambda _: powertools.exception("order failed"))),
    ("powertools without context", {}, lambda event: powertools_without_context.info("order read", order=event["order"])),
    ("structlog JSON info", {}, lambda event: structlog_json.info("order accepted", order=event["order"])),
    ("structlog JSON error", ERROR, lambda event: structlog_json.error("order refused", order=event["order"])),
    ("structlog JSON exception", EXCEPTION, catching(lambda event: structlog_json.exception("order failed", order=event["order"]))),
    ("structlog console info", {}, lambda event: structlog_console.info("order accepted", order=event["order"])),
    ("structlog console error", ERROR, lambda event: structlog_console.error("order refused", order=event["order"])),
    ("structlog console exception", EXCEPTION, catching(lambda event: structlog_console.exception("order failed", order=event["order"]))),
    ("loguru info", {}, lambda event: loguru.info("order {} accepted", event["order"])),
    ("loguru error", ERROR, lambda event: loguru.error("order {} refused", event["order"])),
    ("loguru exception", EXCEPTION, catching(lambda event: loguru.exception("order {} failed", event["order"]))),
    ("harmless words", {},
     lambda event: print(f"order {event['order']}: 0 errors, the last Exception was retried, ValueError is handled")),
    ("harmless answer as JSON", {}, lambda _: print(json.dumps({"statusCode": 200, "body": json.dumps({"error": None})}))),
]  # fmt: skip
"""Each kind of line, what is true of it, and what writes it."""


def finish(event: dict[str, Any], request_id: str) -> dict[str, Any]:
    """Ends the invocation as the event wants it."""
    match event["end"]:
        case "raise":
            tell("uncaught exception", request_id, error=True, exception=True)
            stock(event["order"])
        case "raise several lines":
            tell("uncaught exception of several lines", request_id, error=True, exception=True)
            raise StockError(f"no stock:\n  order {event['order']}\n  lines 2")
        case "unserializable":
            tell("response that is no JSON", request_id, error=True, exception=True)
            return {"order": object()}
        case "exit":
            tell("sys.exit", request_id)
            sys.exit(1)
        case "abort":
            os._exit(3)
        case "memory":
            os.kill(os.getpid(), signal.SIGKILL)
        case "timeout":
            time.sleep(60)
    return {"statusCode": 200, "body": json.dumps({"order": event["order"]})}


@powertools.inject_lambda_context(correlation_id_path="order")
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Writes as many kinds of line as the event wants, and then ends."""
    # loggers that show variables must not show it
    CURRENT["stale"] = event.pop("stale")
    for number in range(event["first"], event["first"] + event["count"]):
        kind, truth, work = STEPS[number % len(STEPS)]
        if truth.get("stale") and (MANAGED or not CURRENT["stale"]):
            continue
        tell(kind, context.aws_request_id, **truth)
        work(event)
    tell("end of the handler", context.aws_request_id)
    return finish(event, context.aws_request_id)
