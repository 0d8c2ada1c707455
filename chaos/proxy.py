"""Proxy: stands before OpenSearch in a process of its own, and injects the faults of a plan."""

import asyncio
import itertools
import json
import multiprocessing
import os
import random
import signal
import socket
import struct
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import RawArray
from typing import IO, Final

from chaos.bulk_items import keep_some, split_items, with_refused
from chaos.conditions import Conditions
from chaos.faults import AFTER, ALL, BEFORE, Fault, FaultPlan, kind_of

_FORK: Final = multiprocessing.get_context("fork")
_LARGEST_HEAD: Final = 1 << 20
_SLOW: Final = (0.05, 0.6)
_LONGEST_COMPLAINT: Final = 2000
_PAGE: Final = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_TOO_MANY: Final = b'{"error":{"type":"circuit_breaking_exception","reason":"[parent] Data too large (chaos)"},"status":429}'
_BLOCKED: Final = b'{"error":{"type":"cluster_block_exception","reason":"blocked by: no cluster manager (chaos)"},"status":503}'
_DROPPED: Final = frozenset({b"content-length", b"content-encoding", b"connection", b"transfer-encoding"})


@dataclass(frozen=True, slots=True)
class _Message:
    """A request or an answer of HTTP/1.1."""

    first: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: bytes) -> bytes:
        return next((value for key, value in self.headers if key == name), b"")

    def encoded(self, *, length: int | None = None, plain: bool = False) -> bytes:
        """As bytes; with another content length than the body's, or without its encoding."""
        kept = [(key, value) for key, value in self.headers if key not in _DROPPED or (key == b"content-encoding" and not plain)]
        kept.append((b"content-length", str(len(self.body) if length is None else length).encode()))
        return b"\r\n".join([self.first, *(key + b": " + value for key, value in kept), b"", b""]) + self.body


class Proxy:
    """A running proxy: its endpoint, how many requests met each fault, and what it printed on stderr, which nothing is expected to be."""

    def __init__(self, endpoint: str, counts: "Sequence[int]", stderr: IO[bytes]) -> None:
        self.endpoint = endpoint
        self._counts = counts
        self._stderr = stderr

    @property
    def requests(self) -> int:
        """How many requests came."""
        return self._counts[len(ALL)]

    def complaints(self) -> str:
        """The end of what it printed on stderr."""
        self._stderr.seek(0)
        return self._stderr.read()[-_LONGEST_COMPLAINT:].decode(errors="replace")

    def injected(self) -> dict[Fault, int]:
        """How many requests met each fault."""
        return dict(zip(ALL, self._counts, strict=False))


@contextmanager
def proxy_before(upstreams: Sequence[tuple[str, int]], plan: FaultPlan, conditions: Conditions, seed: int) -> Iterator[Proxy]:
    """Runs a proxy before these hosts and ports, which take turns; those that refuse a connection are left out."""
    counts = RawArray("q", len(ALL) + 1)
    ours, theirs = _FORK.Pipe()
    with tempfile.TemporaryFile() as stderr:
        process = _FORK.Process(target=_serve, args=(theirs, upstreams, plan, conditions, counts, seed, stderr.fileno()), daemon=True)
        process.start()
        try:
            yield Proxy(f"http://127.0.0.1:{ours.recv()}", counts, stderr)
        finally:
            process.kill()
            process.join()


def _serve(
    pipe: Connection,
    upstreams: Sequence[tuple[str, int]],
    plan: FaultPlan,
    conditions: Conditions,
    counts: list[int],
    seed: int,
    stderr: int,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.dup2(stderr, 2)

    async def serve() -> None:
        handler = _Handler(upstreams, plan, conditions, counts, random.Random(f"proxy {seed}"))
        server = await asyncio.start_server(handler.serve, "127.0.0.1", 0, limit=_LARGEST_HEAD)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


class _Handler:
    def __init__(self, upstreams: Sequence[tuple[str, int]], plan: FaultPlan, conditions: Conditions, counts: list[int],
                 rng: random.Random) -> None:  # fmt: skip
        self._upstreams, self._plan, self._conditions, self._counts, self._rng = upstreams, plan, conditions, counts, rng
        self._turn = itertools.count()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, EOFError):
            while request := await _read(reader, answers=b""):
                if not await self._answer(request, writer):
                    break
        # a reset, where anything is left unsent
        with suppress(OSError):
            writer.close()

    async def _answer(self, request: _Message, writer: asyncio.StreamWriter) -> bool:
        """Answers one request; returns whether the connection goes on."""
        method, target, _ = request.first.split(b" ", 2)
        fault = self._plan.next(kind_of(target.decode())) if self._conditions["faults_on"] else None
        self._counts[len(ALL)] += 1
        if fault:
            self._counts[ALL.index(fault)] += 1
        if fault in BEFORE:
            return await _refuse(fault, writer)
        try:
            answer = await self._forward(request, method, items=fault == "items 429")
        except (OSError, EOFError, asyncio.IncompleteReadError) as error:
            # OpenSearch is down, or died while it worked; once all should be calm, the run is to say why it is not
            return _reset(writer) if self._conditions["faults_on"] else await _tell(error, writer)
        await asyncio.sleep(self._conditions["slowness"] + self._conditions["always_slow"])
        if fault == "slow":
            await asyncio.sleep(self._rng.uniform(*_SLOW))
        if fault in AFTER and fault != "slow":
            return await _spoil(fault, answer, writer)
        writer.write(answer.encoded())
        await writer.drain()
        return True

    async def _forward(self, request: _Message, method: bytes, *, items: bool) -> _Message:
        if not items:
            return await self._exchange(request.encoded(), method)
        split = split_items(request.body)
        kept = keep_some(split, self._rng)
        body = b"".join(lines for (_, lines), keep in zip(split, kept, strict=True) if keep)
        answer = await self._exchange(_Message(request.first, request.headers, body).encoded(plain=True), method)
        return _Message(answer.first, answer.headers, with_refused(answer.body, split, kept))

    async def _exchange(self, request: bytes, method: bytes) -> _Message:
        reader, writer = await self._connect()
        try:
            writer.write(request)
            await writer.drain()
            answer = await _read(reader, answers=method)
            if answer is None:
                raise EOFError
            return answer
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        turn = next(self._turn)
        for number in range(len(self._upstreams)):
            host, port = self._upstreams[(turn + number) % len(self._upstreams)]
            try:
                return await asyncio.open_connection(host, port, limit=_LARGEST_HEAD)
            except OSError:
                continue
        raise ConnectionRefusedError


async def _read(reader: asyncio.StreamReader, *, answers: bytes) -> _Message | None:
    """Reads a request or, where it answers a method, an answer; None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head[:-4].split(b"\r\n")
    headers = tuple((key.strip().lower(), value.strip()) for key, _, value in (line.partition(b":") for line in lines))
    message = _Message(first, headers, b"")
    if answers == b"HEAD":
        return message
    if message.header(b"transfer-encoding").lower() == b"chunked":
        body = b"".join([chunk async for chunk in _chunks(reader)])
    else:
        body = await reader.readexactly(int(message.header(b"content-length") or 0))
    return _Message(first, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")


async def _refuse(fault: Fault, writer: asyncio.StreamWriter) -> bool:
    if fault == "reset":
        return _reset(writer)
    answer = {"429": _canned(b"429 Too Many Requests", _TOO_MANY), "503": _canned(b"503 Service Unavailable", _BLOCKED),
              "page": _page(b"200 OK")}[fault]  # fmt: skip
    writer.write(answer.encoded())
    await writer.drain()
    return True


async def _tell(error: Exception, writer: asyncio.StreamWriter) -> bool:
    content = {"error": {"type": type(error).__name__, "reason": f"the proxy of chaos got no answer: {error!r}"}, "status": 502}
    writer.write(_canned(b"502 Bad Gateway", json.dumps(content).encode()).encoded())
    await writer.drain()
    return True


async def _spoil(fault: Fault, answer: _Message, writer: asyncio.StreamWriter) -> bool:
    """Sends an answer, spoilt; returns whether the connection goes on."""
    half = _Message(answer.first, answer.headers, answer.body[: len(answer.body) // 2])
    goes_on = fault in {"cut body", "late 503", "late page"}
    if fault == "answer lost":
        return _reset(writer)
    if fault == "half answer":
        writer.write(half.encoded(length=len(answer.body)))
    elif fault == "cut body":
        writer.write(half.encoded())
    elif fault == "length too long":
        writer.write(answer.encoded(length=len(answer.body) + 100))
    elif fault == "length too short":
        writer.write(answer.encoded(length=len(answer.body) * 2 // 3))
    else:
        late = _canned(b"503 Service Unavailable", _BLOCKED) if fault == "late 503" else _page(b"502 Bad Gateway")
        writer.write(late.encoded())
    await writer.drain()
    return goes_on


def _canned(status: bytes, body: bytes) -> _Message:
    return _Message(b"HTTP/1.1 " + status, ((b"content-type", b"application/json; charset=UTF-8"),), body)


def _page(status: bytes) -> _Message:
    return _Message(b"HTTP/1.1 " + status, ((b"content-type", b"text/html"),), _PAGE)


def _reset(writer: asyncio.StreamWriter) -> bool:
    """Closes the connection with a reset instead of an end."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False
