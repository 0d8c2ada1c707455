"""Corpus: the real texts that fuzzing begins with: the cases of the tests, what `accuracy` and `bench` make up, and files in folders."""

import base64
import binascii
import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from accuracy.measure import cases
from bench.streams import log_streams, subscription_events
from pipeline.local.aws_spans import spans_of

_CASES: Final = Path(__file__).parents[1] / "tests" / "cases"
_SEED: Final = 1
_TRANSACTIONS: Final = 120
_STREAM_LINES: Final = 600
_BEGAN: Final = 1_795_600_000_000
_LONGEST: Final = 4_000
_MOST_PIECES: Final = 600
_PIECE: Final = re.compile(r'"?[A-Za-z][\w.-]{2,30}"?[ \t]*(?:[:=]>?|\t)?[ \t]*["\'\[{(]?')
# what decides how a text is read
_MARKS: Final = (
    "START RequestId: ", "END RequestId: ", "REPORT RequestId: ", "XRAY TraceId: ", "RequestId: 52fdfc07-2182-454f-963f-5f0f9a621d72",
    "52fdfc07-2182-454f-963f-5f0f9a621d72", "1-5759e988-bd862e3fe1be46a994272793", "5759e988bd862e3fe1be46a994272793", "0285bf1261be05ff",
    "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1", "X-Amzn-Trace-Id: ", "traceparent: ", "b3: ",
    "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01", "correlation id: ", '"correlationId":"',
    "Traceback (most recent call last):\n", "Exception in thread ", "Caused by: ", "\tat a.b.C.d(E.java:1)\n",
    "    at f (/var/task/i.js:1:2)\n", "[ERROR]\t2026-11-24T10:00:00.000Z\t",
    "2026-11-24T10:00:00.000Z\t52fdfc07-2182-454f-963f-5f0f9a621d72\tERROR\t", " Task timed out after 3.00 seconds", "Status: timeout",
    '"type":"platform.report"', '"record":{', '"level":"', '"errorType":"', '"stackTrace":[', '"statusCode":500',
    "(52fdfc07-2182-454f-963f-5f0f9a621d72) ", "password=", '"password":"', "'password': '", "Authorization: Bearer ",
    "-----BEGIN PRIVATE KEY-----", "://u:p@h/", "SecureString", "--password ", "<password>", "curl -u ",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "AKIAIOSFODNN7EXAMPLE", "Name", "Value", "http://evil.example/", "<!channel>",
    "4111111111111111", "a@b.example", "10.0.0.1", "2001:db8::1",
)  # fmt: skip


@dataclass
class Corpus:
    """Real texts and values by kind; each list in the same order in every run.

    Attributes:
        lines: messages of log events.
        documents: decoded subscription documents.
        segments: segment documents of X-Ray.
        spans: OpenTelemetry spans.
    """

    lines: list[str] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)
    segments: list[dict[str, Any]] = field(default_factory=list)
    spans: list[dict[str, Any]] = field(default_factory=list)

    def pieces(self) -> list[str]:
        """What mutations insert: marks that decide how a text is read, and the keys and words that occur most."""
        words = Counter(word for line in self.lines for word in _PIECE.findall(line[:_LONGEST]))
        return [*_MARKS, *(word for word, _ in sorted(words.items(), key=lambda entry: (-entry[1], entry[0]))[:_MOST_PIECES])]

    def add(self, content: object) -> None:
        """Takes from a JSON value every document, segment, span and message, at any depth."""
        waiting = [content]
        while waiting:
            part = waiting.pop()
            if isinstance(part, list):
                waiting += reversed(part)
            elif isinstance(part, dict):
                waiting += reversed([*part.values(), *self._add_object(part)])

    def _add_object(self, part: dict[str, Any]) -> Iterator[object]:
        """Takes what an object is; yields the values that are packed in it."""
        if isinstance(part.get("logEvents"), list):
            self.documents.append(part)
        if "spanId" in part and "traceId" in part and ("startTimeUnixNano" in part or "startTime" in part):
            self.spans.append(part)
        elif "id" in part and "start_time" in part:
            self.segments.append(part)
        message = part.get("message")
        if isinstance(message, str):
            self.lines.append(message[:_LONGEST])
        for text in (part.get("data"), part.get("Document"), message):
            if isinstance(text, str) and (packed := _packed(text)) is not None:
                yield packed

    def add_text(self, text: str) -> None:
        """Takes a file's text: a JSON value, one on each line, or lines of a log."""
        values = list(_values(text))
        self.add(values)
        if not values:
            self.lines += [text[:_LONGEST], *(line[:_LONGEST] for line in text.splitlines() if line)]


def corpus_of(folders: Sequence[Path] = ()) -> Corpus:
    """The corpus of this repository, and of every file in ``folders``."""
    corpus = Corpus()
    for path in sorted(_CASES.glob("*.json")):
        corpus.add(json.loads(path.read_text(encoding="utf-8")))
    for case in cases(_SEED, _TRANSACTIONS):
        corpus.segments += case.transaction.documents
        corpus.add([stream.batch() for stream in case.transaction.streams.values()])
    corpus.spans += [span for document in list(corpus.segments) if "trace_id" in document for span in spans_of(document)]
    corpus.add(subscription_events(log_streams(_SEED, _STREAM_LINES, _BEGAN), _SEED))
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        corpus.add_text(path.read_text(encoding="utf-8", errors="replace"))
    corpus.lines = list(dict.fromkeys(corpus.lines))
    return corpus


def _values(text: str) -> Iterator[object]:
    try:
        yield json.loads(text)
    except ValueError:
        for line in text.splitlines():
            if (value := _value(line)) is not None:
                yield value


def _value(text: str) -> object:
    """The JSON object or array that ``text`` is; None if it is none."""
    try:
        value = json.loads(text) if text.lstrip()[:1] in {"{", "["} else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list | Mapping) else None


def _packed(text: str) -> object:
    """The JSON value that ``text`` is, or holds as base64, compressed or not; None if there is none."""
    if (value := _value(text)) is not None:
        return value
    try:
        data = base64.b64decode(text, validate=True)
        return _value((gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode())
    except (binascii.Error, ValueError, OSError, EOFError, zlib.error):
        return None
