"""Runtime environment: runs a Lambda runtime client, such as AWS' `awslambdaric`, in a process as an execution environment of Lambda does.

It starts the process, gives it invocations through the Runtime API, kills it when an invocation's time runs out, and starts a new one for
the next invocation. It writes no line itself: it reports to an `EnvironmentLog`, in the order in which Lambda would log.
"""

import contextlib
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from pipeline.errors import UnavailableError
from pipeline.local.environment import local_environment
from pipeline.local.runtime_api import InvocationRequest, InvocationResult, RuntimeApi
from pipeline.local.runtime_output import FrameCutter, LineCutter, OutputReader

Status = Literal["success", "error", "timeout", "crash", "memory"]
_START_LIMIT: Final = 60.0
_KILLED: Final = -9


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationEnd:
    """How an invocation ended.

    Attributes:
        seconds: how long it took, or its time limit.
        error_type: as the runtime client named it; empty if it named none.
        exit_status: of the process, if it ended within the invocation; negative if a signal ended it.
        result: what the runtime client posted; None if the process ended first.
    """

    status: Status
    seconds: float
    error_type: str = ""
    exit_status: int = 0
    result: InvocationResult | None = None


class EnvironmentLog(Protocol):
    """Takes what happens in an execution environment, to write its log; called by one thread at a time."""

    def init_started(self) -> None:
        """A process is about to start."""

    def init_ended(self, seconds: float, error_type: str) -> None:
        """The process is ready for its first invocation or, with an ``error_type``, failed to load its handler."""

    def opened(self, request: InvocationRequest) -> None:
        """An invocation begins."""

    def wrote(self, message: str) -> None:
        """The process wrote a log event."""

    def closed(self, request: InvocationRequest, end: InvocationEnd) -> None:
        """An invocation ended."""

    def other(self, path: str, body: bytes) -> None:
        """The process posted ``body`` to a path that Lambda's Runtime API does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeCommand:
    """How to start a runtime client.

    Attributes:
        arguments: of the process; they name the handler, unless the client takes it from a variable.
        variables: the environment variables of its function; ``AWS_LAMBDA_LOG_FORMAT`` chooses text or JSON.
        folder: in which it runs.
        telemetry: whether it gets the telemetry pipe, as Lambda's managed runtimes do, or writes to stdout alone, as container images do.
        concurrency: how many invocations at once, for Lambda Managed Instances; 0 for an ordinary environment.
    """

    arguments: Sequence[str]
    variables: Mapping[str, str]
    folder: Path
    telemetry: bool = True
    concurrency: int = 0


class RuntimeEnvironment:
    """One execution environment; invocations run one after another, or as many at once as the command's ``concurrency``."""

    def __init__(self, command: RuntimeCommand, log: EnvironmentLog) -> None:
        self._command = command
        self._log = log
        self._lock = threading.RLock()
        self._waiting: queue.Queue[InvocationRequest | None] = queue.Queue()
        self._open: dict[str, tuple[InvocationRequest, float]] = {}
        self._results: dict[str, InvocationResult] = {}
        self._changed = threading.Condition(self._lock)
        self._unfinished = 0
        self._ready = False
        self._init_error = ""
        self._process: subprocess.Popen[bytes] | None = None

    def invoke(self, request: InvocationRequest) -> None:
        """Runs an invocation to its end; starts a process first if none runs. Raises UnavailableError if that does not become ready."""
        self.submit(request)
        self.wait()

    def submit(self, request: InvocationRequest) -> None:
        """Hands an invocation to the process, which it starts if there is none, and returns at once."""
        if self._process is None:
            self.start()
            self.wait_until_ready()
        if self._process is None:
            # the handler does not load: Lambda invokes it all the same, and it fails
            with self._lock:
                self._unfinished += 1
                self._begin(request)
                self._end(request.request_id, "error", self._init_error)
            return
        with self._lock:
            self._unfinished += 1
        self._waiting.put(request)

    def wait(self) -> None:
        """Blocks until every invocation has ended: by itself, because its time ran out, or because its process died."""
        while self._process is not None:
            with self._lock:
                if not self._unfinished:
                    return
                self._changed.wait(0.02)
                late = [request.request_id for request, _ in self._open.values() if time.time() >= request.deadline]
            if late:
                self._finish_process(late[0])
            elif self._process.poll() is not None:
                self._finish_process("")

    def stop(self) -> None:
        """Kills the process."""
        if self._process is not None:
            self._finish_process("")

    @property
    def stopped(self) -> bool:
        """Whether no process runs."""
        return self._process is None

    # the process

    def start(self) -> None:
        """Starts the process, and returns at once."""
        command = self._command
        with self._lock:
            self._log.init_started()
        self._began, self._ready, self._init_error = time.time(), False, ""
        self._api = RuntimeApi(self)
        self._output = OutputReader(self._log.wrote, self._lock)
        self._folder = tempfile.TemporaryDirectory(prefix="tracejoin-runtime-")
        output, its_output = os.pipe()
        self._output.add(output, LineCutter())
        kept = [its_output]
        own = {"AWS_LAMBDA_RUNTIME_API": self._api.address}
        if command.concurrency:
            own |= {"AWS_LAMBDA_MAX_CONCURRENCY": str(command.concurrency), "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": self._socket()}
        elif command.telemetry:
            frames, its_frames = os.pipe()
            self._output.add(frames, FrameCutter())
            kept.append(its_frames)
            own |= {"_LAMBDA_TELEMETRY_LOG_FD": str(its_frames)}
        self._process = subprocess.Popen(  # noqa: S603
            command.arguments, stdin=subprocess.DEVNULL, stdout=its_output, stderr=its_output, cwd=command.folder, pass_fds=kept,
            env=local_environment({**command.variables, **own}), start_new_session=True,
        )  # fmt: skip
        for descriptor in kept:
            os.close(descriptor)
        self._output.start()

    def _socket(self) -> str:
        path = str(Path(self._folder.name, "log"))
        self._output.listen(path)
        return path

    def wait_until_ready(self) -> None:
        """Blocks until the process asks for its first invocation, or until its handler turns out not to load.

        Raises UnavailableError if it does neither in time.
        """
        if self._process is None:
            return
        limit = time.monotonic() + _START_LIMIT
        while time.monotonic() < limit:
            with self._lock:
                if self._ready:
                    self._log.init_ended(time.time() - self._began, "")
                    return
                if self._init_error or self._process.poll() is not None:
                    break
                self._changed.wait(0.02)
        else:
            self._finish_process("")
            raise UnavailableError("the runtime client did not ask for an invocation in time")
        self._init_error = self._init_error or "Runtime.ExitError"
        self._finish_process("")
        with self._lock:
            self._log.init_ended(time.time() - self._began, self._init_error)

    def _finish_process(self, late: str) -> None:
        """Ends the process and every invocation that is open in it; ``late`` is the one whose time ran out, if any."""
        assert self._process
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, 9)
        exit_status = self._process.wait()
        self._release_requests()
        self._output.stop()
        self._api.stop()
        self._folder.cleanup()
        with self._lock:
            self._end_answered()
            for request_id in list(self._open):
                if late:
                    self._end(request_id, "timeout" if request_id == late else "crash", exit_status=exit_status)
                else:
                    self._end(request_id, "memory" if exit_status == _KILLED else "crash", exit_status=exit_status)
            self._process, self._unfinished = None, 0
        self._waiting = queue.Queue()

    def _release_requests(self) -> None:
        """Answers the requests of the ended process for an invocation, without giving it one that still waits."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
        for _ in range(max(self._command.concurrency, 1)):
            self._waiting.put(None)

    # what the Runtime API reports

    def next_invocation(self) -> InvocationRequest | None:
        """Returns the next invocation once there is one; None if the process was killed. It ends the invocation before, if there is one."""
        with self._lock:
            self._output.drain()
            self._ready = True
            if not self._command.concurrency:
                self._end_answered()
            self._changed.notify_all()
            waiting = self._waiting
        request = waiting.get()
        if request is not None:
            with self._lock:
                self._output.drain()
                self._begin(request)
        return request

    def ended(self, result: InvocationResult) -> None:
        """Takes a result. In an environment with ``concurrency`` it ends the invocation; elsewhere the request for the next one does."""
        with self._lock:
            self._output.drain()
            self._results[result.request_id] = result
            if self._command.concurrency:
                self._end_answered()
            self._changed.notify_all()

    def init_failed(self, body: bytes) -> None:
        """Takes the error of a handler that did not load."""
        with self._lock:
            self._output.drain()
            result = InvocationResult(request_id="", body=body, failed=True)
            self._init_error = result.error_type or "Runtime.Unknown"
            self._changed.notify_all()

    def other(self, path: str, body: bytes) -> None:
        """Passes on what the process posted to another path."""
        with self._lock:
            self._output.drain()
            self._log.other(path, body)

    # the invocations

    def _begin(self, request: InvocationRequest) -> None:
        self._open[request.request_id] = (request, time.time())
        self._log.opened(request)

    def _end_answered(self) -> None:
        for request_id, result in self._results.items():
            if request_id in self._open:
                self._end(request_id, "error" if result.failed else "success", result.error_type, result=result)
        self._results.clear()

    def _end(self, request_id: str, status: Status, error_type: str = "", exit_status: int = 0,
             result: InvocationResult | None = None) -> None:  # fmt: skip
        request, began = self._open.pop(request_id)
        self._unfinished -= 1
        end = InvocationEnd(status=status, seconds=time.time() - began, error_type=error_type, exit_status=exit_status, result=result)
        self._log.closed(request, end)
        self._changed.notify_all()
