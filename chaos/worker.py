"""Worker: a process that runs the Lambda functions `ship` and `resolve`, job after job, until it is killed."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any, Final, Literal

import boto3

from chaos.aws import Clients, Notebook
from chaos.conditions import Conditions
from chaos.fuse import Fuse
from chaos.world import World
from pipeline.alert import dispatch
from pipeline.alert.grouping import Notification, PendingAlert
from pipeline.alert.message import message_of
from pipeline.alert.outbox import Outbox
from pipeline.errors import TracejoinError
from pipeline.local.environment import local_environment
from pipeline.resolve import Resolver
from pipeline.store.client import Store
from shipper_function import resolve, ship

JobKind = Literal["ship", "resolve", "sweep"]
_FORK: Final = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One invocation.

    Attributes:
        number: tells it apart.
        event: for `ship`, the number of the world's event.
        messages: for `resolve`, the bodies of SQS messages by id.
        seconds: Lambda's time limit.
        fuse: at which call the worker dies.
    """

    number: int
    kind: JobKind
    event: int = 0
    messages: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 60
    fuse: Fuse = field(default_factory=Fuse)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a job.

    Attributes:
        result: what the handler returned: `ship` a ledger, `resolve` a partial batch response.
        error: the name and the first line of what it raised; empty for nothing.
        escaped: whether that is none of tracejoin's own errors.
        sent: the bodies of the messages that it sent to `resolve`.
        aside: how many messages it sent to the dead-letter queue.
    """

    number: int
    result: Any = None
    error: str = ""
    escaped: bool = False
    sent: tuple[str, ...] = ()
    aside: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What all workers of a run share: the world, the conditions, their environment variables, and the file of what they told."""

    world: World
    conditions: Conditions
    environment: Mapping[str, str]
    told: Path
    faulty: bool


class Worker:
    """A worker's process, as the run sees it."""

    def __init__(self, site: Site) -> None:
        self.pipe, theirs = _FORK.Pipe()
        self.process: ForkProcess = _FORK.Process(target=_work, args=(theirs, site), daemon=True)
        self.process.start()
        theirs.close()
        self.job: Job | None = None
        self.deadline = 0.0

    def begin(self, job: Job, *, killed_after: float | None) -> None:
        """Hands over a job; ``killed_after`` is in seconds, None for when Lambda's time is up."""
        self.job = job
        self.deadline = time.monotonic() + (job.seconds if killed_after is None else killed_after)
        self.pipe.send(job)

    def kill(self) -> None:
        """Kills the process at once."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _work(pipe: Connection, site: Site) -> None:
    """The process: never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    environment = local_environment(site.environment)
    os.environ.clear()
    os.environ.update(environment)
    fuse, notebook = Fuse(), Notebook(site.told)
    clients = Clients(site.conditions, site.world.segments, fuse, notebook, faulty=site.faulty)
    _connect(clients, site.conditions)
    while True:
        job: Job = pipe.recv()
        fuse.left, fuse.after, notebook.job = job.fuse.left, job.fuse.after, job.number
        clients.sent, clients.aside = [], []
        result, error, escaped = _attempt(partial(_perform, job, site.world))
        fuse.left = -1
        pipe.send(
            Outcome(number=job.number, result=result, error=error, escaped=escaped, sent=tuple(clients.sent), aside=len(clients.aside))
        )


def _connect(clients: Clients, conditions: Conditions) -> None:
    """Puts the stand-ins, the clock and the fuse into this process' modules."""
    request, mark_sent = Store.request, Outbox.mark_sent

    def fused(store: Store, *arguments: Any, **more: Any) -> dict[str, Any]:
        return clients.fuse.through(lambda: request(store, *arguments, **more))

    def worded(notification: Notification, *arguments: Any) -> Any:
        clients.notification = notification
        return message_of(notification, *arguments)

    def marked(outbox: Outbox, alerts: Iterable[PendingAlert], now_ms: int) -> None:
        alerts = list(alerts)
        mark_sent(outbox, alerts, now_ms)
        clients.notebook.marked(alerts)

    boto3.client = clients.client
    for owner, name, replaced in (
        (Store, "request", fused), (dispatch, "message_of", worded), (Outbox, "mark_sent", marked),
        (resolve, "Resolver", partial(Resolver, clock=conditions.now)),
    ):  # fmt: skip
        setattr(owner, name, replaced)


def _attempt(perform: Callable[[], Any]) -> tuple[Any, str, bool]:
    try:
        return perform(), "", False
    except Exception as error:  # noqa: BLE001  # whatever escapes is what the run looks for
        return None, f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}", not isinstance(error, TracejoinError)


def _perform(job: Job, world: World) -> Any:
    context = _Context(time.monotonic() + job.seconds)
    if job.kind == "ship":
        return ship.handler(world.events[job.event], context)
    records = [{"messageId": id_, "body": body, "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {}}
               for id_, body in job.messages.items()]  # fmt: skip
    return resolve.handler({"Records": records} if job.kind == "resolve" else {"source": "aws.events"}, context)


class _Context:
    """Lambda's context."""

    function_name = "tracejoin"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:tracejoin"
    aws_request_id = "52fdfc07-2182-454f-963f-5f0f9a621d72"

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        return max(int((self._deadline - time.monotonic()) * 1000), 0)
