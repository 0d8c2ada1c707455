"""Recorder: records the log stream of an execution environment, each line with its truth: which invocation wrote it, what it reports."""

import json
import random
import re
import time
from dataclasses import dataclass, replace

from bench.truth import NOBODY, Invocation, Line, LogStream, Truth
from pipeline.local.lambda_lines import JsonFormat, TextFormat
from pipeline.local.runtime_api import InvocationRequest
from pipeline.local.runtime_environment import InvocationEnd
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_UNNAMED = "line that names no request"
_OWN_KINDS = {"timeout": True, "crash": True, "memory": True, "start": False, "end": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What the handler announced of the lines that it was about to write.

    Attributes:
        kind: what wrote them, in words.
        group: a number that the lines of one call to a logger share.
        error: whether they report an error; None if either is right.
        exception: whether they show an exception.
        stale: whether they name the trace of an earlier invocation.
    """

    kind: str
    group: int
    error: bool | None = False
    exception: bool = False
    stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedLine(Line):
    """A log event of a runtime client, or one of Lambda's own lines around it, with its truth."""

    mark: Mark


class Recorder:
    """An `EnvironmentLog` that records.

    Args:
        stream: to which it appends the lines.
        platform: the format of Lambda's own lines.
        interleaved: whether several invocations run at once.
        broken: whether the handler does not load.
    """

    def __init__(self, stream: LogStream, platform: TextFormat | JsonFormat, *, interleaved: bool, broken: bool) -> None:
        self.stream = stream
        self._platform = platform
        self._interleaved = interleaved
        self._broken = broken
        self._json = isinstance(platform, JsonFormat)
        self._offset = stream.now - int(time.time() * 1000)
        self._known: dict[str, Invocation] = {}
        self._marks: dict[str, Mark] = {}
        self._open: list[str] = []
        self._groups = 0
        self._cold = Mark(kind="init", group=0)

    def expect(self, invocation: Invocation) -> None:
        """Takes an invocation before the environment gets it."""
        self._known[invocation.request_id] = invocation
        self.stream.invocations.append(invocation)

    def init_started(self) -> None:
        """Records what Lambda writes first."""
        for kind, message in self._platform.begin(self._iso):
            self._add(message, NOBODY, self._mark(f"Lambda: {kind}"))
        self._cold = self._mark("failed init", error=True, exception=True) if self._broken else self._mark("init")

    def init_ended(self, seconds: float, error_type: str) -> None:
        """Records Lambda's line on an initialization that failed."""
        if not error_type:
            return
        mark = self._mark("Lambda: failed init", error=True)
        if self._json:
            record = {"initializationType": "on-demand", "phase": "init", "status": "error", "errorType": error_type,
                      "metrics": {"durationMs": seconds * 1000}}  # fmt: skip
            self._add(json.dumps({"time": self._iso(), "type": "platform.initReport", "record": record}), NOBODY, mark)
        else:
            line = f"INIT_REPORT Init Duration: {seconds * 1000:.2f} ms\tPhase: init\tStatus: error\tError Type: {error_type}\n"
            self._add(line, NOBODY, mark)

    def opened(self, request: InvocationRequest) -> None:
        """Records Lambda's line on the start of an invocation."""
        self._cold = self._mark("init")
        invocation = self._known[request.request_id]
        self._open.append(request.request_id)
        self._marks[request.request_id] = self._mark("before the handler", error=None)
        for kind, message in self._platform.open(invocation, self._iso):
            self._add(message, invocation.truth, self._mark(f"Lambda: {kind}"))

    def wrote(self, message: str) -> None:
        """Records what the process wrote, unless it is blank."""
        if not message.strip():
            return
        text = message.rstrip("\n") if self._json else message
        mark, truth = self._mark_and_truth(text)
        self._add(text, truth, mark)

    def closed(self, request: InvocationRequest, end: InvocationEnd) -> None:
        """Records Lambda's lines on the end of an invocation."""
        outcome = "out-of-memory" if end.status == "memory" else end.status
        invocation = replace(self._known[request.request_id], outcome=outcome, milliseconds=end.seconds * 1000)
        for kind, message in self._platform.close(invocation, self._iso, self.stream.rng):
            own = _OWN_KINDS.get(kind)
            self._add(message, invocation.truth, self._mark(f"Lambda: {kind}", error=own))
        self._open.remove(request.request_id)

    def other(self, path: str, body: bytes) -> None:
        """Takes what the handler announces of the lines that come next."""
        del path
        content = json.loads(body)
        self._marks[content["requestId"]] = self._mark(
            content["kind"], error=content.get("error", False) or content.get("exception", False),
            exception=content.get("exception", False), stale=content.get("stale", False),
        )  # fmt: skip

    def finish(self) -> None:
        """Makes lines unattributed that name no request in an invocation which another overlaps: no one can know who wrote them."""
        starts, overlapped = set[str](), set[str]()
        for line in self.stream.lines:
            request_id = line.truth.request_id or ""
            if line.kind == "Lambda: start":
                starts.add(request_id)
                overlapped |= starts if len(starts) > 1 else set()
            elif line.kind == "Lambda: report":
                starts.discard(request_id)
        self.stream.lines = [replace(line, truth=NOBODY) if line.kind == _UNNAMED and line.truth.request_id in overlapped else line
                             for line in self.stream.lines]  # fmt: skip

    def _mark_and_truth(self, text: str) -> tuple[Mark, Truth]:
        # a line may come after the end of its request, and then names it
        named = [id_ for id_ in _UUID.findall(text) if id_ in self._known]
        if self._interleaved and not named:
            named = [id_ for id_ in self._open if to_xray(self._known[id_].named) in text]
        if not named and not self._open:
            return self._cold, NOBODY
        if self._interleaved and not named:
            return self._mark(_UNNAMED, error=None), self._known[self._open[0]].truth
        request_id = named[0] if named else self._open[0]
        invocation, mark = self._known[request_id], self._marks[request_id]
        truth = invocation.truth
        if invocation.trace_id is None and to_xray(invocation.named) in text:
            # where Lambda's tracing is off its record names no trace, and a line has the one that it names
            truth = replace(truth, trace_id=invocation.named)
        return mark, replace(truth, stale_trace_id=invocation.stale) if mark.stale else truth

    def _mark(self, kind: str, *, error: bool | None = False, exception: bool = False, stale: bool = False) -> Mark:
        self._groups += 1
        return Mark(kind=kind, group=self._groups, error=error, exception=exception, stale=stale)

    def _add(self, message: str, truth: Truth, mark: Mark) -> None:
        stream = self.stream
        stream.now = max(stream.now, int(time.time() * 1000) + self._offset)
        event_id = str(stream.now * 10**43 + int(stream.name[-8:], 16) * 10**20 + len(stream.lines))
        stream.lines.append(RecordedLine(event_id=event_id, timestamp=stream.now, message=message, truth=truth.of_line(message),
                                         runtime=stream.runtime, kind=mark.kind, mark=mark))  # fmt: skip

    def _iso(self) -> str:
        return iso_millis(int(time.time() * 1000))


def new_stream(rng: random.Random, runtime: str, began: int) -> LogStream:
    """Returns an empty log stream named as Lambda names them, which begins at ``began`` (milliseconds since the epoch, UTC)."""
    name = f"2026/11/24/[$LATEST]{rng.getrandbits(128):032x}"
    return LogStream(rng, runtime, "/aws/lambda/orders-" + runtime.replace(" ", "-"), name, began)
