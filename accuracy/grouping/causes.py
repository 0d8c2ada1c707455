"""Causes: what makes faults happen, each with what changes from one fault to the next; many are look-alikes of others.

A label follows from the cause alone: two faults have one cause if the same code fails in the same way for the same kind of request.
"""

import random
from dataclasses import dataclass, replace
from typing import Final, Literal

from accuracy.calls import aws_call, cause, http_call
from accuracy.functions import SHAPES, Function, Shape
from accuracy.gateway import RestApi
from accuracy.grouping.variables import filled
from accuracy.transaction import Transaction
from pipeline.local.runtime_lines import RUNTIMES

Way = Literal["uncaught", "caught", "logged", "called", "asked", "shown", "timeout", "event", "unsampled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A cause.

    Attributes:
        name: its label.
        way: how it shows: an exception that nobody caught (of a request, or of an event), one that was caught and logged, a line, a call
            over HTTP, one of an AWS API, data in a line, a timeout, or an exception on a trace that X-Ray did not sample.
        error: the exception's type, or the code of an AWS API's error.
        message: what it says, or the line, with `<variables>`.
        function: the function in which it happens.
        method: of the request by which the transaction comes in.
        path: of that request, with `<variables>`.
        operation: of an AWS API, or the method and path of a call.
    """

    name: str
    way: Way = "uncaught"
    error: str = "ValueError"
    message: str = "no stock for order <number>"
    function: str = "orders"
    method: str = "POST"
    path: str = "/orders/<uuid>"
    operation: str = "PutItem"

    def play(self, rng: random.Random, began: int) -> Transaction:
        """Returns one transaction with this fault; ``began`` in milliseconds since the epoch, UTC."""
        # what a deployment does not change from one request to the next
        fixed = random.Random(self.name)
        tx = Transaction(rng, began)
        tx.runtimes[self.function] = fixed.choice(RUNTIMES)
        logs, shape = fixed.choice(((), ("access",), ("execution",), ("access", "execution"))), fixed.choice(SHAPES[:3])
        tx.sampled = self.way != "unsampled"
        if self.way == "event":
            with Function(tx, self.function) as consumer:
                self._fail(consumer, shape)
            return tx
        with RestApi(tx, logs=logs, method=self.method, path=filled(self.path, rng)) as api, api.function_named(self.function) as function:
            function.say("INFO", filled("got <uuid>", rng))
            self._fail(function, shape)
        return tx

    def _fail(self, function: Function, shape: Shape) -> None:
        tx = function.tx
        said = filled(self.message, tx.rng)
        match self.way:
            case "caught":
                function.caught("ERROR", "it failed", (self.error, said))
            case "logged":
                function.say("ERROR", said)
            case "called":
                method, _, path = self.operation.partition(" ")
                function.made(http_call(tx, "stock.internal", method=method, path=filled(path, tx.rng), status=503))
            case "asked":
                function.made(aws_call(tx, "dynamodb", self.operation, status=500, code=self.error, sdk="python"))
            case "shown":
                function.say("INFO", said)
            case "timeout":
                function.stops("timeout")
            case _:
                function.fails((self.error, said), traced=False)
                function.flag(shape, cause(tx, self.error, said))


_BASE: Final = Cause(name="no stock")
# each differs from the first in one thing
_LOOK_ALIKES: Final = (
    _BASE,
    replace(_BASE, name="no stock, other words", message="no price for order <number>"),
    replace(_BASE, name="no stock, negated", message="stock for order <number> is negative"),
    replace(_BASE, name="no stock, other type", error="KeyError"),
    replace(_BASE, name="no stock, other function", function="cart"),
    replace(_BASE, name="no stock, other route", path="/carts/<uuid>"),
    replace(_BASE, name="no stock, deeper route", path="/orders/<uuid>/lines"),
    replace(_BASE, name="no stock, other method", method="PUT"),
    replace(_BASE, name="no stock, caught", way="caught"),
    replace(_BASE, name="no stock, event", way="event"),
    replace(_BASE, name="no stock, unsampled", way="unsampled"),
)
_IN_THE_WILD: Final = tuple(
    Cause(name=name, error=error, message=message)
    for name, error, message in (
        ("missing sku", "KeyError", "'sku'"),
        ("missing price", "KeyError", "'price'"),
        ("missing module", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'requests'"),
        ("refused", "ConnectionError", "connect ECONNREFUSED <ip>:<number>"),
        ("reset", "ConnectionError", "read ECONNRESET <ip>:<number>"),
        ("unreachable", "ConnectionError", "getaddrinfo ENOTFOUND <host>"),
        ("read timeout", "ReadTimeoutError", "HTTPSConnectionPool(host='<host>', port=<number>): Read timed out. (read timeout=<decimal>)"),
        ("connect timeout", "ReadTimeoutError", "HTTPSConnectionPool(host='<host>', port=<number>): Max retries exceeded with url: <url>"),
        ("null", "TypeError", "Cannot read properties of undefined (reading 'id')"),
        ("no function", "TypeError", "order.total is not a function"),
        ("null pointer", "java.lang.NullPointerException", 'Cannot invoke "Order.total()" because "order" is null'),
        ("bad number", "java.lang.NumberFormatException", 'For input string: "<base62>"'),
        ("conditional", "ConditionalFailed", "item <order> was changed by <email> at <iso>"),
        ("deadlock", "OperationalError", "deadlock detected: process <number> waits for transaction <number>; blocked by <number>"),
        ("duplicate", "UniqueViolation", 'duplicate key violates unique constraint "orders_pkey" Key (id)=(<number>) already exists.'),
        ("foreign key", "UniqueViolation", 'insert on table "lines" violates foreign key constraint Key (id)=(<number>) is not present.'),
        ("no file", "FileNotFoundError", "[Errno 2] No such file or directory: '<file>'"),
        ("no space", "OSError", "[Errno 28] No space left on device: '<file>'"),
        ("bad json", "JSONDecodeError", "Expecting value: line <number> column <number> (char <number>)"),
        ("bad delimiter", "JSONDecodeError", "Expecting ',' delimiter: line <number> column <number> (char <number>)"),
        ("denied", "AccessDenied", "User: <arn> is not authorized to perform: dynamodb:PutItem on resource: <arn>"),
        ("denied read", "AccessDenied", "User: <arn> is not authorized to perform: dynamodb:GetItem on resource: <arn>"),
        ("several", "BatchError", "<number> of <number> items failed: <items>"),
        ("several names", "BatchError", "customers <quoted_items> were not told"),
        ("pointer", "RuntimeError", "object at <pointer> was freed by <node>"),
        ("slow", "SlowError", "the query took <milliseconds> (limit <milliseconds>) on <node> since <date>"),
        ("S3", "StorageError", "could not reach S3 for <order>"),
        ("EC2", "StorageError", "could not reach EC2 for <order>"),
        ("expired", "TokenError", "token <base62> expired at <iso>"),
        ("not yet", "TokenError", "token <base62> is not valid before <iso>"),
        ("panic", "runtime.Error", "index out of range [<number>] with length <number>"),
        ("amount", "PaymentError", "the card ending in <number> was declined: <decimal> EUR is above the limit"),
        ("stolen", "PaymentError", "the card ending in <number> was declined: it is reported as stolen"),
        # nothing shows that a name is one
        ("bare name", "LookupError", "customer <name> has no address"),
    )
)
_PAYMENT: Final = "payment <order> of customer <number> failed after <milliseconds>"
_BATCH: Final = 'batch result: {"batchItemFailures": [{"itemIdentifier": "<uuid>"}, {"itemIdentifier": "<uuid>"}]}'
_OTHER_WAYS: Final = (
    Cause(name="line", way="logged", message=_PAYMENT),
    Cause(name="line, other words", way="logged", message="refund <order> of customer <number> failed after <milliseconds>"),
    Cause(name="line, other function", way="logged", function="cart", message=_PAYMENT),
    Cause(name="line, data", way="logged", message='reservation failed: {"order": "<order>", "items": [<items>]}'),
    Cause(name="GET stock", way="called", operation="GET /items/<number>"),
    Cause(name="PUT stock", way="called", operation="PUT /items/<number>"),
    Cause(name="GET price", way="called", operation="GET /items/<number>/price"),
    Cause(name="PutItem", way="asked", error="InternalServerError"),
    Cause(name="GetItem", way="asked", error="InternalServerError", operation="GetItem"),
    Cause(name="PutItem, other code", way="asked", error="ItemCollectionSizeLimitExceededException"),
    Cause(name="batch", way="shown", message=_BATCH),
    Cause(name="timeout", way="timeout"),
    Cause(name="timeout, other function", way="timeout", function="cart"),
    Cause(name="timeout, other route", way="timeout", path="/carts/<number>"),
)  # fmt: skip
ALL: Final = (*_LOOK_ALIKES, *_IN_THE_WILD, *_OTHER_WAYS)
"""All causes, their names unique."""
