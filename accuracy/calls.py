"""Calls: makes the subsegments that the X-Ray SDKs write of a call, with the flags that they set, right or not.

Sources: aws-xray-sdk for Python as measured (a refused AWS call is `error` and `fault`, with a cause; a failed callee of Invoke has no flag
at all), for Node.js (the status decides), AWS X-Ray developer guide, "X-Ray segment documents".
"""

from typing import Any

from accuracy.transaction import Document, Transaction

_CLIENT_ERROR, _THROTTLED, _SERVER_ERROR, _REFUSED = 400, 429, 500, 300


def aws_call(tx: Transaction, service: str, operation: str, *, status: int = 200, code: str = "", sdk: str = "", **aws: Any) -> Document:
    """Returns a finished call of an AWS API.

    Args:
        tx: whose clock and ids are used.
        service: as boto3 names it, such as ``dynamodb``.
        operation: such as ``PutItem``.
        status: what the service answered.
        code: of its error, if it refused.
        sdk: ``python`` or ``node``; a random one if empty.
        aws: more that the SDK records, such as ``table_name`` or ``retries``.
    """
    document = tx.subsegment(service if sdk != "node" else service.capitalize(), namespace="aws")
    tx.wait(0.02 + tx.rng.random() * 0.05)
    python = (sdk or tx.rng.choice(("python", "node"))) == "python"
    failure: Document = {}
    if status >= _REFUSED:
        message = f"An error occurred ({code or status}) when calling the {operation} operation: refused"
        failure = flags(status) | {"cause": cause(tx, code or "ClientError", message, remote=True)}
        # botocore raises, and the SDK calls whatever is raised a fault
        failure |= {"fault": True} if python else {}
    tx.close(document, {
        "http": {"response": {"status": status}},
        "aws": {"operation": operation, "region": "eu-west-1", "request_id": tx.request_id(), **aws}, **failure,
    })  # fmt: skip
    return document


def invoke_call(tx: Transaction, function: str, *, status: int = 200, function_error: str = "") -> Document:
    """Returns an Invoke that is still under way; the caller closes it once the callee has run."""
    aws = {"operation": "Invoke", "region": "eu-west-1", "request_id": tx.request_id(), "function_name": function, "status_code": status}
    if function_error:
        aws["function_error"] = function_error
    return tx.subsegment("lambda", namespace="aws", http={"response": {"status": status}}, aws=aws)


def http_call(tx: Transaction, host: str, *, method: str = "POST", path: str = "/", status: int | None = 200, raised: str = "",
              seconds: float = 0.03) -> Document:  # fmt: skip
    """Returns a finished call over HTTP; ``status`` is None if no answer came, and ``raised`` names the exception."""
    document = tx.subsegment(host, namespace="remote")
    tx.wait(seconds + tx.rng.random() * 0.02)
    http: Document = {"request": {"method": method, "url": f"https://{host}{path}"}}
    if status is not None:
        http["response"] = {"status": status, "content_length": 42}
    failure = flags(status) if status is not None else {}
    if raised:
        failure |= {"fault": True, "cause": cause(tx, raised, f"{host} did not answer", remote=True)}
    tx.close(document, {"http": http, **failure})
    return document


def local_work(tx: Transaction, name: str, *inside: Document, **fields: Any) -> Document:
    """Returns a finished subsegment around a piece of code, such as Powertools' ``## handler``."""
    start = min((document["start_time"] for document in inside), default=tx.now)
    document = tx.subsegment(name, namespace="local", **fields) | {"start_time": start}
    if inside:
        document["subsegments"] = list(inside)
    tx.wait(0.001)
    tx.close(document)
    return document


def flags(status: int) -> Document:
    """Returns the flags that an SDK sets for a status."""
    if status >= _SERVER_ERROR:
        return {"fault": True}
    if status == _THROTTLED:
        return {"error": True, "throttle": True}
    return {"error": True} if status >= _CLIENT_ERROR else {}


def cause(tx: Transaction, kind: str, message: str, *, remote: bool = False) -> Document:
    """Returns the cause of a failure, as an SDK writes it."""
    stack = [{"path": "/var/task/app.py", "line": 48, "label": "charge"}, {"path": "/var/task/app.py", "line": 31, "label": "handler"}]
    exception = {"id": tx.span_id(), "message": message, "type": kind, "remote": remote, "stack": stack}
    return {"working_directory": "/var/task", "exceptions": [exception]}


def inferred(tx: Transaction, call: Document, *, name: str, origin: str) -> None:
    """Adds the segment that X-Ray infers for a service that sends none: a copy of the call's own data."""
    tx.segment(name, parent_id=call["id"], inferred=True, origin=origin, start_time=call["start_time"], end_time=call["end_time"],
               **{key: call[key] for key in ("http", "aws") if key in call})  # fmt: skip
