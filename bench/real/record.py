"""Record: runs the handlers on AWS' own runtime clients, and returns the log streams that they wrote."""

import random
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench.real.clients import Client
from bench.real.recorder import Recorder, new_stream
from bench.streams import before_midnight
from bench.truth import Invocation, LogStream
from pipeline.local.environment import ACCOUNT, REGION
from pipeline.local.lambda_lines import JsonFormat, TextFormat
from pipeline.local.runtime_api import InvocationRequest
from pipeline.local.runtime_environment import RuntimeEnvironment
from pipeline.model.trace_ids import to_xray

_LIMIT = 30.0
_TIMEOUT = 0.4
_STEPS_EACH = 7
_UNSAMPLED, _RETRIED = 0.3, 0.3
_CONCURRENCY = 3
_RETRIED_ENDS = ("raise", "throw", "exit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One way to run a runtime client.

    Attributes:
        name: in the table.
        json: the function's log format.
        telemetry: whether it has the telemetry pipe.
        managed: whether it is a Lambda Managed Instance, with several invocations at once.
        traced: whether Lambda's tracing is on.
        broken: whether the handler does not load.
    """

    name: str
    json: bool
    telemetry: bool = True
    managed: bool = False
    traced: bool = True
    broken: bool = False


def settings_of(client: Client) -> list[Setting]:
    """Returns how a client is run: as text, as JSON, broken, untraced, as a container image, and as a Managed Instance."""
    found = [Setting(name=f"{client.name} text", json=False), Setting(name=f"{client.name} JSON", json=True)]
    if client.telemetry:
        found.append(Setting(name=f"{client.name} image", json=False, telemetry=False))
    if client.missing_handler:
        found += [replace(setting, name=f"{setting.name} failed init", broken=True) for setting in found[:2]]
        found += [replace(setting, name=f"{setting.name} untraced", traced=False) for setting in found[:2]]
    if client.managed:
        found.append(Setting(name=f"{client.name} managed", json=True, managed=True))
    return found


def record(client: Client, setting: Setting, rounds: int, seed: int) -> LogStream:
    """Returns the log stream of one execution environment that writes every kind of line ``rounds`` times."""
    rng = random.Random(seed)
    platform = JsonFormat(runtime_done=rng.random() < 0.5, tracing_everywhere=rng.random() < 0.5) if setting.json else TextFormat()
    stream = new_stream(rng, setting.name, before_midnight(int(time.time() * 1000)) + 600_000 - rng.randrange(5000))
    recorder = Recorder(stream, platform, interleaved=setting.managed, broken=setting.broken)
    runs = replace(client, **client.missing_handler) if setting.broken else client
    command = runs.command(as_json=setting.json, telemetry=setting.telemetry, concurrency=_CONCURRENCY if setting.managed else 0)
    environment = RuntimeEnvironment(command, recorder)
    try:
        for invocation, request in _plan(client, setting, rounds, rng):
            recorder.expect(invocation)
            if setting.managed:
                environment.submit(request)
            else:
                environment.invoke(request)
        environment.wait()
    finally:
        environment.stop()
    recorder.finish()
    return stream


def _plan(client: Client, setting: Setting, rounds: int, rng: random.Random) -> Iterator[tuple[Invocation, InvocationRequest]]:
    ends = [end for end in client.ends if not setting.managed or end in client.managed_ends]
    stale = ""
    for number, first in enumerate(range(0, _STEPS_EACH * 2 if setting.broken else client.steps * rounds, _STEPS_EACH)):
        end = ends[number // 2 % len(ends)] if number % 2 and ends else "return"
        invocation = _invocation(rng, stale, traced=setting.traced)
        header = f"Root={to_xray(invocation.named)};Parent={invocation.parent_id};Sampled={int(invocation.sampled)}"
        other = f"Root={to_xray(_trace_id(rng))};Parent={rng.getrandbits(64):016x};Sampled=1"
        event = {"first": first, "count": _STEPS_EACH, "end": end, "order": rng.randrange(10_000, 100_000),
                 "stale": to_xray(stale) if stale and setting.traced else "", "foreign": {"header": other, "id": _uuid(rng)}}  # fmt: skip
        yield invocation, _request(invocation, event, header, _TIMEOUT if end == "timeout" else _LIMIT)
        if end in _RETRIED_ENDS and not setting.managed and rng.random() < _RETRIED:
            # an asynchronous invocation that failed comes again, under the same ids
            yield invocation, _request(invocation, event | {"end": "return"}, header, _LIMIT)
        stale = invocation.named


def _invocation(rng: random.Random, stale: str, *, traced: bool) -> Invocation:
    trace_id = _trace_id(rng)
    return Invocation(
        request_id=_uuid(rng), trace_id=trace_id if traced else None, segment_id=f"{rng.getrandbits(64):016x}", named=trace_id,
        parent_id=f"{rng.getrandbits(64):016x}", sampled=traced and rng.random() >= _UNSAMPLED, stale=stale or None, timeout=_TIMEOUT,
    )  # fmt: skip


def _trace_id(rng: random.Random) -> str:
    return f"{int(time.time()):08x}{rng.getrandbits(96):024x}"


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _request(invocation: Invocation, event: dict[str, object], header: str, limit: float) -> InvocationRequest:
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
    return InvocationRequest(
        request_id=invocation.request_id, event=event, deadline=time.time() + limit, function_arn=arn, trace_header=header
    )
