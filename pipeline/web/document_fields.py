"""Document fields: makes of a stored line or span what a reader opens it for: its message or exception, and every field by name. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pipeline.model.json_values import as_text

_LONGEST: Final = 64 * 1024
_MOST_FIELDS: Final = 500
_DEEPEST: Final = 20
# what only the pipeline reads, and what is shown above the fields
_NOT_SHOWN: Final = frozenset({"state", "digest", "body", "events", "_score", "sort"})
# what a reader looks for first; the rest follows by name
_FIRST: Final = (
    "name", "serviceName", "severity", "status", "httpStatus", "signals", "requestId", "correlationId", "tenantId", "durable", "xray",
    "idSource", "staleTraceId", "annotations", "platformStatus", "errorType", "durationMs", "billedMs", "memoryMb", "maxMemoryMb",
    "initMs", "restoreMs", "coldStart", "attributes", "durationInNanos", "startTime", "endTime", "@timestamp", "aws", "segment", "kind",
    "spanId", "parentSpanId", "links",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownText:
    """A text of others.

    Attributes:
        text: at most its first 64 Ki characters.
        left_out: how many characters follow.
    """

    text: str
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownException:
    """An exception that a span shows: its type, its message and its stack trace."""

    type: str
    message: str
    stack: ShownText


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDocument:
    """A line or span, as a page shows it.

    Attributes:
        kind: log or span.
        title: the name of a span, the service of a line.
        body: the message of a line; None for a span.
        exceptions: those of a span.
        fields: all other fields: their dotted names and values.
        more_fields: how many fields are left out, since there are too many.
    """

    kind: str
    title: str
    body: ShownText | None
    exceptions: tuple[ShownException, ...]
    fields: tuple[tuple[str, ShownText], ...]
    more_fields: int = 0

    @property
    def size(self) -> int:
        """How many characters it has."""
        texts = [*([self.body] if self.body else []), *(exception.stack for exception in self.exceptions)]
        return sum(len(shown.text) for shown in texts) + sum(len(name) + len(shown.text) for name, shown in self.fields)


def shown_document(document: Mapping[str, Any]) -> ShownDocument:
    """Returns what a page shows of a stored line or span."""
    kind = document["doc"]["kind"]
    names = [*(name for name in _FIRST if name in document), *sorted(document.keys() - _NOT_SHOWN - set(_FIRST))]
    found = [field for name in names for field in _flat(name, document[name], 0)]
    return ShownDocument(
        kind=kind,
        title=str(document.get("name" if kind == "span" else "serviceName") or ""),
        body=_shown(document.get("body") or "") if kind == "log" else None,
        exceptions=tuple(_exceptions(document)),
        fields=tuple((name, _shown(text)) for name, text in found[:_MOST_FIELDS]),
        more_fields=max(len(found) - _MOST_FIELDS, 0),
    )


def _exceptions(document: Mapping[str, Any]) -> Iterator[ShownException]:
    for event in document.get("events") or ():
        said = event.get("attributes") or {}
        yield ShownException(
            type=_text(said.get("exception.type")),
            message=_text(said.get("exception.message"))[:_LONGEST],
            stack=_shown(_text(said.get("exception.stacktrace"))),
        )


def _flat(name: str, value: object, depth: int) -> Iterator[tuple[str, str]]:
    """Each value in a field by its dotted name; a list of plain values is one value."""
    if isinstance(value, Mapping) and value and depth < _DEEPEST:
        for key in sorted(value):
            yield from _flat(f"{name}.{key}", value[key], depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST and any(isinstance(item, Mapping | list) for item in value):
        for place, item in enumerate(value):
            yield from _flat(f"{name}.{place}", item, depth + 1)
    elif value not in (None, "", [], {}):
        yield name, ", ".join(map(_text, value)) if isinstance(value, list) else _text(value)


def _text(value: object) -> str:
    if isinstance(value, str):
        return as_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list):
        # too deep to be shown
        return "…"
    return "" if value is None else str(value)


def _shown(text: str) -> ShownText:
    return ShownText(text=text[:_LONGEST], left_out=max(len(text) - _LONGEST, 0))
