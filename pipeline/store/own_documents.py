"""Own documents: tells the lines and spans that tracejoin writes from those that another program put into the same indices.

OpenSearch takes a list, a null or a number for most fields, and anything for a field that its mapping does not name. So a document of
another program may have any form. What joins and judges passes it over: it says nothing of a trace and gets no verdict, and no trace
waits for it. What shows documents to people shows it, too, with the fields of another form in a place of their own.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from pipeline.model.index_days import KEPT_SPANS
from pipeline.model.trace_ids import is_trace_id
from pipeline.store.left_out import LeftOut
from pipeline.store.results import Hit

OTHER_FORM: Final = "otherForm"
"""The field that holds, for people, what has another form than tracejoin gives it."""

_RECORD: Final = {"kind": "trace"}


class _Doc(msgspec.Struct):
    kind: Literal["log", "span"]


class _Origin(msgspec.Struct, rename="camel"):
    account_id: str = ""
    region: str = ""
    log_group: str = ""
    log_stream: str = ""


class _Severity(msgspec.Struct):
    text: str = ""
    number: int = 0


class _SpanStatus(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Verdict(msgspec.Struct, rename="camel"):
    state: str = ""
    state_reason: str = ""
    version: int = 0
    hidden_fault: bool = False


class _SegmentOfLine(msgspec.Struct):
    id: str = ""
    name: str = ""


class _Said(msgspec.Struct, rename="camel"):
    """What a line says and does not show; the facts of a span have none of these fields in another form."""

    request_id: str | None = None
    span_id: str | None = None
    correlation_id: list[str] | None = None


class _Link(msgspec.Struct, rename="camel"):
    trace_id: str = ""
    span_id: str = ""


class _SpanEvent(msgspec.Struct):
    name: str = ""
    attributes: dict[str, Any] = {}


class _Resource(msgspec.Struct):
    attributes: dict[str, Any] = {}


class _Form(msgspec.Struct, rename="camel"):
    """The fields of a line or span that anything reads, each in the only form that tracejoin writes; any may be absent, none is null."""

    timestamp: datetime | UnsetType = msgspec.field(name="@timestamp", default=UNSET)
    doc: _Doc | UnsetType = UNSET
    aws: _Origin | UnsetType = UNSET
    trace: _Verdict | UnsetType = UNSET
    state: _Said | UnsetType = UNSET
    severity: _Severity | UnsetType = UNSET
    status: _SpanStatus | UnsetType = UNSET
    segment: _SegmentOfLine | UnsetType = UNSET
    resource: _Resource | UnsetType = UNSET
    attributes: dict[str, Any] = {}
    annotations: dict[str, Any] = {}
    durable: dict[str, Any] = {}
    xray: dict[str, Any] = {}
    links: list[_Link] = []
    events: list[_SpanEvent] = []
    signals: list[str] = []
    correlation_id: list[str] = []
    propagated_trace_id: list[str] = []
    trace_id: str = ""
    stale_trace_id: str = ""
    transaction_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    request_id: str = ""
    integration_request_id: str = ""
    event_id: str = ""
    event_name: str = ""
    id_source: str = ""
    service_name: str = ""
    tenant_id: str = ""
    name: str = ""
    kind: str = ""
    body: str = ""
    excerpt: str = ""
    original: str = msgspec.field(name="log.record.original", default="")
    platform_status: str = ""
    error_type: str = ""
    duration_ms: float = 0
    billed_ms: int = 0
    memory_mb: int = 0
    max_memory_mb: int = 0
    init_ms: float = 0
    restore_ms: float = 0
    cold_start: bool = False
    sampled: bool = False
    http_status: int = 0
    duration_in_nanos: int = 0
    start_time: datetime | UnsetType = UNSET
    end_time: datetime | UnsetType = UNSET


_TYPES: Final = {field.encode_name: field.type for field in msgspec.structs.fields(_Form)}


def has_own_form(source: object) -> bool:
    """Whether each field of ``source``, a document or a part of one, has the form that tracejoin gives it."""
    return _read(source, _Form) is not None


def is_own(source: object) -> bool:
    """Whether ``source`` is a line with a time, or a span with an id, that tracejoin may have written, with real trace ids if any."""
    form = _read(source, _Form)
    if form is None or not form.doc or not (form.timestamp if form.doc.kind == "log" else form.span_id):
        return False
    return all(is_trace_id(id_) for id_ in (form.trace_id, form.stale_trace_id) if id_)


def only_own(hits: Iterable[Hit], left_out: LeftOut) -> Iterator[Hit]:
    """Yields those of these lines and spans that tracejoin may have written; ``left_out`` notes the others."""
    for hit in hits:
        if is_own(hit.source):
            yield hit
        else:
            left_out.pass_over(f"{hit.index}/{hit.id}")


def in_own_form(index: str, source: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a line or span of this ``index`` for people: what has another form stands below `otherForm`, and each has a kind.

    Every other document of tracejoin's, such as a trace's record, is returned as it is.
    """
    if source.get("doc") == _RECORD or ("doc" in source and has_own_form(source)):
        return source
    other = {name: value for name, value in source.items() if name in _TYPES and _read(value, _TYPES[name]) is None}
    kept = {name: value for name, value in source.items() if name not in other}
    kind = "span" if "-spans-" in index or index.endswith(KEPT_SPANS) else "log"
    return {"doc": {"kind": kind}} | kept | ({OTHER_FORM: other} if other else {})


def _read(value: object, form: Any) -> Any:
    """``value`` as the type ``form``; None where it is null or of another form."""
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError:
        return None
