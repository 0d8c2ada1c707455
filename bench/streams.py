"""Streams: makes up Lambda's log streams, every line with its truth, and cuts and shuffles them as CloudWatch Logs delivers them."""

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bench.runtimes import RUNTIMES, RuntimeWriter
from bench.truth import Invocation, LogStream
from pipeline.local.lambda_lines import JsonFormat, Outcome, TextFormat
from pipeline.model.trace_ids import to_xray

_OWNER = "123456789012"
_OUTCOMES: tuple[Outcome, ...] = ("success",) * 8 + ("error", "error", "crash", "timeout", "out-of-memory")
_INVOCATIONS = (2, 9)
_LINES = (0, 9)
_MOST_OPEN = 4
_UNTRACED, _UNSAMPLED, _SHARED, _RETRIED = 0.15, 0.3, 0.1, 0.3
_LONG, _LONG_LINES = 0.05, (40, 120)
_LARGEST_BATCHES = (2, 8, 40, 40, 200)
_REDELIVERED = 0.05
_DAY = 86_400_000
_BEFORE_MIDNIGHT = 600_000

Platform = TextFormat | JsonFormat


def before_midnight(now: int) -> int:
    """Returns ten minutes before the last midnight but one (UTC) before ``now``, in milliseconds: streams that begin then span two days."""
    return now - now % _DAY - _DAY - _BEFORE_MIDNIGHT


def log_streams(seed: int, lines: int, began: int) -> list[LogStream]:
    """Returns streams of every runtime in turn, with at least ``lines`` lines in all; the same for the same arguments."""
    account = _Account(random.Random(seed), began)
    streams: list[LogStream] = []
    while sum(len(stream.lines) for stream in streams) < lines:
        streams += [account.stream(name) for name in RUNTIMES]
        streams.append(account.container())
    return streams


def subscription_events(streams: list[LogStream], seed: int) -> list[dict[str, Any]]:
    """Returns the subscription documents of all ``streams``: each cut at random, some delivered twice, and all of them shuffled."""
    rng = random.Random(seed)
    events = [event for stream in streams for event in _cut(stream, rng)]
    events += [event for event in events if rng.random() < _REDELIVERED]
    rng.shuffle(events)
    return events


def segments_of(streams: list[LogStream]) -> dict[str, list[str]]:
    """Returns the segment documents of every sampled trace, as JSON, by trace id: what X-Ray has of the invocations."""
    found: dict[str, dict[str, str]] = {}
    for stream in streams:
        for invocation in stream.invocations:
            if invocation.trace_id and invocation.sampled:
                mine = found.setdefault(invocation.trace_id, {})
                mine |= {document["id"]: json.dumps(document) for document in _segments(stream, invocation)}
    return {trace_id: list(mine.values()) for trace_id, mine in found.items()}


def _segments(stream: LogStream, invocation: Invocation) -> Iterator[dict[str, Any]]:
    at = stream.lines[0].timestamp / 1000
    common = {"name": stream.group.rpartition("/")[2], "trace_id": to_xray(invocation.trace_id or ""), "start_time": at, "end_time": at + 1}
    yield common | {"id": invocation.segment_id, "origin": "AWS::Lambda", "aws": {"request_id": invocation.request_id},
                    "http": {"response": {"status": 200}}}  # fmt: skip
    function_id = f"{int(invocation.segment_id, 16) ^ 1:016x}"
    yield common | {"id": function_id, "origin": "AWS::Lambda::Function", "parent_id": invocation.segment_id}


def _cut(stream: LogStream, rng: random.Random) -> Iterator[dict[str, Any]]:
    start, largest = 0, rng.choice(_LARGEST_BATCHES)
    while start < len(stream.lines):
        lines = stream.lines[start : start + rng.randint(1, largest)]
        start += len(lines)
        events = [{"id": line.event_id, "timestamp": line.timestamp, "message": line.message} for line in lines]
        yield {"messageType": "DATA_MESSAGE", "owner": _OWNER, "logGroup": stream.group, "logStream": stream.name,
               "subscriptionFilters": ["tracejoin"], "logEvents": events}  # fmt: skip


class _Account:
    """An account's functions and their invocations; a trace may pass through several functions."""

    def __init__(self, rng: random.Random, began: int) -> None:
        self._rng = rng
        self._began = began
        self._traces: list[tuple[str, bool]] = []

    def stream(self, name: str) -> LogStream:
        """Returns the log stream of one execution environment: a cold start, then invocations, one by one or several at once."""
        stream = self._empty(name, "/aws/lambda/orders-" + name.replace(" ", "-"))
        stream.traced = self._rng.random() >= _UNTRACED
        rng, runtime = self._rng, RUNTIMES[name]
        platform: Platform = TextFormat()
        if runtime.format != "text":
            platform = JsonFormat(runtime_done=rng.random() < 0.5, tracing_everywhere=rng.random() < 0.5)
        stream.write_all(platform.begin(stream.iso))
        for _ in range(rng.randrange(3)):
            stream.write("init", runtime.init(stream))
        stream.write_all(platform.ready(stream.iso, rng))
        for _ in range(rng.randint(*_INVOCATIONS)):
            self._invoke(stream)
        if runtime.format == "interleaved":
            self._interleave(stream, runtime, platform)
        else:
            for invocation in stream.invocations:
                _run(stream, runtime, platform, invocation)
        return stream

    def container(self) -> LogStream:
        """Returns the log stream of a container: plain lines that name no request and no trace."""
        stream = self._empty("container", "/ecs/cart")
        for number in range(self._rng.randint(5, 40)):
            stream.write("print", f"cart {number}: {self._rng.randrange(9)} lines in {self._rng.randrange(900)} ms")
        return stream

    def _empty(self, runtime: str, group: str) -> LogStream:
        name = f"2026/11/24/[$LATEST]{self._rng.getrandbits(128):032x}"
        return LogStream(self._rng, runtime, group, name, self._began + self._rng.randrange(2 * _BEFORE_MIDNIGHT))

    def _invoke(self, stream: LogStream) -> None:
        rng = self._rng
        before = stream.invocations[-1] if stream.invocations else None
        if before and before.outcome != "success" and rng.random() < _RETRIED and RUNTIMES[stream.runtime].format != "interleaved":
            # an asynchronous invocation that failed comes again, under the same ids
            stream.invocations.append(replace(before, outcome="success"))
            return
        trace_id, sampled = self._trace()
        earlier = [each.trace_id for each in stream.invocations if each.trace_id and each.trace_id != trace_id]
        request_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        stream.invocations.append(
            Invocation(request_id=request_id, trace_id=trace_id if stream.traced else None, segment_id=f"{rng.getrandbits(64):016x}",
                       parent_id=f"{rng.getrandbits(64):016x}", sampled=sampled, named=trace_id if stream.traced else self._new_trace(),
                       stale=earlier[-1] if earlier else None, outcome=rng.choice(_OUTCOMES))
        )  # fmt: skip

    def _trace(self) -> tuple[str, bool]:
        if self._traces and self._rng.random() < _SHARED:
            return self._rng.choice(self._traces)
        self._traces.append((self._new_trace(), self._rng.random() >= _UNSAMPLED))
        return self._traces[-1]

    def _new_trace(self) -> str:
        return f"{self._began // 1000:08x}{self._rng.getrandbits(96):024x}"

    def _interleave(self, stream: LogStream, runtime: RuntimeWriter, platform: Platform) -> None:
        """Writes several invocations at once; a bare line that is written while two are open can belong to either."""
        rng = self._rng
        waiting = list(stream.invocations)
        running: list[Invocation] = []
        while waiting or running:
            if waiting and (len(running) < 2 or (len(running) < _MOST_OPEN and rng.random() < 0.2)):
                running.append(waiting.pop(0))
                stream.write_all(platform.open(running[-1], stream.iso), running[-1].truth)
            elif rng.random() < 0.15:
                invocation = running.pop(rng.randrange(len(running)))
                _finish(stream, runtime, platform, invocation)
            else:
                runtime.write(stream, rng.choice(running))
            if len(running) > 1 and rng.random() < 0.1:
                stream.write("bare", "pool: 3 of 50 in use")


def _run(stream: LogStream, runtime: RuntimeWriter, platform: Platform, invocation: Invocation) -> None:
    stream.write_all(platform.open(invocation, stream.iso), invocation.truth)
    rng = stream.rng
    for _ in range(rng.randint(*(_LONG_LINES if rng.random() < _LONG else _LINES))):
        runtime.write(stream, invocation)
    _finish(stream, runtime, platform, invocation)
    # under load the next START comes within the same millisecond
    stream.now += rng.choice((0, 0, rng.randrange(60_000)))
    if rng.random() < 0.3:
        stream.write_all(platform.idle(stream.iso))


def _finish(stream: LogStream, runtime: RuntimeWriter, platform: Platform, invocation: Invocation) -> None:
    if invocation.outcome == "error":
        runtime.fail(stream, invocation)
    stream.write_all(platform.close(invocation, stream.iso, stream.rng), invocation.truth)
