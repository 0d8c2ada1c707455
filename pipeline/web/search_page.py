"""Search page: the values that the templates of the search print: rows, chips, facets and the histogram. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline.model.timestamps import iso_millis
from pipeline.search.durable_labels import DurableLabels
from pipeline.search.highlights import Marks, marked_parts
from pipeline.search.overview import Overview
from pipeline.search.query import LEVELS
from pipeline.search.question import Question, Term
from pipeline.web.document_fields import ShownDocument, shown_document
from pipeline.web.formats import with_query

# how much of a text a row shows, and how much of it stands before its first match where that is further behind
_LONGEST: Final = 400
_BEFORE_MATCH: Final = 80
_FAILED_SPAN: Final = 2
_PRESETS: Final = (("15m", "15 min"), ("1h", "1 h"), ("24h", "24 h"), ("7d", "7 d"))
_NAMES: Final = {"service": "Service", "level": "Level", "kind": "Kind", "state": "State of the trace", "hidden": "Hidden fault"}
_WORSE: Final = {"error", "warn", "info", "debug"}
_HEIGHT: Final = 56

FILTER_NAMES: Final[Mapping[str, str]] = {
    "--service": "service:", "--log-group": "group:", "--tenant": "tenant:", "--kind": "kind:", "--state": "state:", "--level": "level:",
    "--status": "status:", "--edge-status": "edge:", "--min-duration": "duration:", "--max-duration": "duration:",
    "--annotation": "annotation:", "--hidden-faults": "hidden:yes", "--text": "text:", "--phrase": "the phrase", "--since": "since:",
    "--until": "until:",
}  # fmt: skip
"""What a reader of the page calls the filters that the command line has as options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HitRow:
    """A hit as a row.

    Attributes:
        key: the document's id.
        kind: log or span.
        at: its time, as stored.
        level: the level of a line, in lower case; empty where it is not known.
        mark: fail or warn, which colours the row; else empty.
        parts: its text in pieces, each with whether it matched a word of the question.
        state: that of its trace.
        of_trace: the address of the search for its trace alone.
        of_service: the address of the search for its service.
        open_address: the address of the page with this row open, for a reader without a script.
        opened: its fields, where the row is open.
    """

    key: str
    kind: str
    at: str
    service: str
    level: str
    mark: str
    parts: tuple[tuple[str, bool], ...]
    trace_id: str
    state: str
    hidden: bool
    of_trace: str
    of_service: str
    open_address: str
    opened: ShownDocument | None = None


def hit_row(hit: Mapping[str, Any], marks: Marks, here: Callable[[str], str], *, opened: str = "") -> HitRow:
    """Makes a row of a hit.

    Args:
        hit: as OpenSearch writes it.
        marks: the marks around matched words in its `highlight`.
        here: returns the address of the page with the row of a key open.
        opened: the key of the row that is open.
    """
    document = hit["_source"]
    kind = document["doc"]["kind"]
    severity = (document.get("severity") or {}).get("number") or 0
    failed = (document.get("status") or {}).get("code") == _FAILED_SPAN or severity >= LEVELS["error"]
    trace = document.get("trace") or {}
    name = "body" if kind == "log" else "name"
    marked = (hit.get("highlight") or {}).get(name)
    label = ((f"[{said}] ", False),) if (said := DurableLabels().of(document)) else ()
    service, trace_id = document.get("serviceName") or "", document.get("traceId") or ""
    return HitRow(
        key=hit["_id"],
        kind=kind,
        at=document.get("@timestamp") or "",
        service=service,
        level=str((document.get("severity") or {}).get("text") or "").lower(),
        mark="fail" if failed else "warn" if severity >= LEVELS["warn"] else "",
        parts=(*label, *_cut(marked_parts(" ".join((marked[0] if marked else str(document.get(name) or "")).split()), marks))),
        trace_id=trace_id,
        state=trace.get("state") or "",
        hidden=bool(trace.get("hiddenFault")),
        of_trace=address_of(Question((Term(trace_id, "trace"), Term("yes", "exact")))),
        of_service=address_of(Question((Term(service, "service"),))),
        open_address=here(hit["_id"]),
        opened=shown_document(document) if opened == hit["_id"] else None,
    )


def _cut(parts: Sequence[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """A part of the text that its first match stands in."""
    first, matched = parts[0]
    if len(parts) > 1 and not matched and len(first) > _LONGEST - _BEFORE_MATCH:
        parts = [(f"…{first[-_BEFORE_MATCH:]}", False), *parts[1:]]
    left = _LONGEST
    for text, is_match in parts:
        yield text[:left], is_match
        left -= len(text)
        if left <= 0:
            yield "…", False
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetValue:
    """A value of a facet: its text, how many hits it would leave, the address that adds or removes it, and whether it is asked for."""

    text: str
    count: int
    address: str
    chosen: bool


def _facets(question: Question, found: Overview) -> list[tuple[str, list[FacetValue]]]:
    """Returns the facets with a value, each with its heading."""
    shown = ((name, [_value(question, key, *value) for value in found.facets.get(key, ())]) for key, name in _NAMES.items())
    return [(name, values) for name, values in shown if values]


def _value(question: Question, key: str, value: str, count: int) -> FacetValue:
    chosen = value in question.values(key)
    changed = question.without_term(Term(value, key)) if chosen else question.with_term(key, value)
    text = f"{value} and worse" if key == "level" and value in _WORSE else value
    return FacetValue(text=text, count=count, address=address_of(changed), chosen=chosen)


def chips(question: Question) -> list[tuple[str, str]]:
    """Returns the terms of a question, each with the address of the question without it."""
    return [(str(term), address_of(question.without_term(term))) for term in question.terms]


def presets(question: Question) -> list[tuple[str, str, bool]]:
    """Returns the usual times: their name, their address, and whether they are asked for; the last one is all of time."""
    timeless = question.without_key("until")
    given = question.values("since")
    asked = [(name, address_of(timeless.with_term("since", text)), given == [text] and timeless == question) for text, name in _PRESETS]
    return [*asked, ("all", address_of(question.without_key("since", "until")), not given and timeless == question)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarShape:
    """A bar of the histogram, in the units of its picture: where it stands, and how high all of it and its failed part are."""

    x: float
    width: float
    height: float
    failed: float
    label: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """The hits over time as a picture of 1000 by 56 units.

    Attributes:
        bars: those with a hit.
        first: when the picture begins, in milliseconds since the epoch.
        last: when it ends.
        rest: the question without its times, for the script that lets a person drag.
        ticks: times along the picture, as stored times are written.
    """

    bars: Sequence[BarShape]
    first: int
    last: int
    rest: str
    ticks: Sequence[str]


def _histogram(question: Question, found: Overview) -> Histogram | None:
    """Returns the histogram; None where no hit has a time."""
    if not found.bars:
        return None
    width = 1000 / len(found.bars)
    highest = max(bar.count for bar in found.bars)
    timeless = question.without_key("since", "until")
    shapes: list[BarShape] = []
    for place, bar in enumerate(found.bars):
        if bar.count:
            # to the last microsecond, since spans are timed more exactly than lines
            since, until = iso_millis(bar.at), f"{iso_millis(bar.at + found.step - 1)[:-1]}999Z"
            errors = f", {bar.failed:,} failed" if bar.failed else ""
            # the smallest bar can still be seen
            high = max(bar.count / highest * _HEIGHT, 1.5)
            shapes.append(BarShape(
                x=round(place * width, 2), width=round(max(width - 1, width * 0.8), 2), height=round(high, 2),
                failed=round(high * bar.failed / bar.count, 2), label=f"{since}: {bar.count:,} lines and spans{errors}",
                address=address_of(timeless.with_term("since", since).with_term("until", until)),
            ))  # fmt: skip
    first, last = found.bars[0].at, found.bars[-1].at + found.step
    ticks = [iso_millis(first + (last - first) * part // 4) for part in range(5)]
    return Histogram(bars=shapes, first=first, last=last, rest=str(timeless), ticks=ticks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the page shows of all hits together.

    Attributes:
        total: how many there are.
        histogram: the hits over time; None where none has a time.
        facets: the facets with a value, each with its heading.
        trouble: why nothing could be counted; else empty.
    """

    total: int = 0
    histogram: Histogram | None = None
    facets: Sequence[tuple[str, Sequence[FacetValue]]] = ()
    trouble: str = ""


def counted(question: Question, found: Overview) -> Counted:
    """Returns what the page shows of all hits of a question together."""
    return Counted(total=found.total, histogram=_histogram(question, found), facets=_facets(question, found))


def address_of(question: Question, **more: object) -> str:
    """Returns the address of the search for a question."""
    return with_query("/search", {"q": str(question), **more})
