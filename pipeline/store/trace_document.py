"""Trace document: a trace's record, the document that it is stored as, and the status that its lines and spans carry."""

from typing import Any, NamedTuple

import msgspec

from pipeline.detect.verdict import Verdict
from pipeline.model.bounds import fair_share, values_by_origin
from pipeline.model.facts import Annotation
from pipeline.model.invocations import LogStream
from pipeline.model.line_states import PENDING
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray
from pipeline.model.trace_state import EMPTY, TraceState, last_seen
from pipeline.store.sampled_out import SampledOut, sampled_out_document

_MOST_KEYS = 100
_MOST_MISSING = 50
_MOST_VALUES = 50
_MOST_CORRELATION_IDS = 100
_MOST_LOG_STREAMS = 100


class Opening(NamedTuple):
    """The lines of a trace, of one call of `ship`, that open its record: the time of one (ISO 8601), and the digest of all."""

    at: str
    batch: str


class TraceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a trace: its state, its verdict and the version of both.

    Attributes:
        version: grows with each change of the verdict or of a segment; 0 where nothing is stored yet.
        settled: the verdict is final, and every known line and span carries it.
        current: the stored status is the one that the present rules and settings give; False after these changed.
        transaction: the id of the transaction that the trace belongs to; empty until it was looked for.
        spans_behind: the ids of the spans that a look-up found and that may not be stored yet, so that one has to find them again.
        left: its lines keep what they were shipped with, since nothing about the trace is notable, nor ever was. Only ``ship`` begins that,
            with a record of its own, so that lines of another one are written in any case.
        opened_by: the digests of the batches that opened it, of which it may lack what their lines say.
        knows_lines: it holds what all lines say that were left as they were shipped, but for those of such a batch.
        changed_at: when the record last changed (epoch milliseconds), in a store where writes show late; else 0.
        settled_at: when it was settled last (epoch milliseconds), where a policy samples; else 0.
        expendable: as far as the trace itself tells, its lines and spans are in no share that the policy keeps (`pipeline.retain`); the
            sweep decides.
        sampled_out: which of its lines and spans were deleted since; None where none was.
        held: nothing of it may be deleted (`tracejoin keep`).
    """

    trace_id: str
    state: TraceState = EMPTY
    verdict: Verdict
    version: int = 0
    settled: bool = False
    current: bool = True
    transaction: str = ""
    spans_behind: frozenset[str] = frozenset()
    left: bool = False
    opened_by: frozenset[str] = frozenset()
    knows_lines: bool = False
    changed_at: int = 0
    settled_at: int = 0
    expendable: bool = False
    sampled_out: SampledOut | None = None
    held: bool = False
    seq_no: int = -1
    primary_term: int = -1

    @property
    def transaction_id(self) -> str:
        """The id of the trace's transaction; a trace that is joined to no other is a transaction of its own."""
        return self.transaction or self.trace_id

    @property
    def knows_all_lines(self) -> bool:
        """Whether it holds what all lines say that are not pending, since it answers for them."""
        return not self.opened_by and (self.knows_lines or not self.left)

    @property
    def healthy(self) -> bool:
        """Whether the verdict is healthy, and no line of the trace reports a failure."""
        return self.verdict.healthy and not any(self.state.failures)

    @property
    def lets_go(self) -> bool:
        """Whether a line or span that comes now has to go like those that were sampled out before it."""
        return self.sampled_out is not None and self.healthy and not self.held


def document_of(record: TraceRecord) -> dict[str, Any]:
    """Makes the document that ``record`` is stored as."""
    verdict, root = record.verdict, record.verdict.root
    return {
        "@timestamp": iso_millis(_started(record.state)),
        "lastSeenAt": iso_millis(last_seen(record.state)),
        "doc": {"kind": "trace"},
        "traceId": record.trace_id,
        "xray": {"traceId": to_xray(record.trace_id)},
        "transactionId": record.transaction_id,
        "correlationId": correlation_ids_of(record.state),
        "requestId": sorted({request.request_id for request in record.state.requests.values() if request.request_id}),
        "serviceName": root.service_name if root else None,
        "name": root.name if root else None,
        "durationInNanos": root.duration if root else None,
        "annotations": annotations_of(record.state),
        "trace": trace_status(verdict, record.version),
        "missing": verdict.missing[:_MOST_MISSING],
        "findings": verdict.findings,
        "issues": verdict.issues,
        "settled": record.settled,
        "healthy": record.healthy,
        "state": record.state,
        **({"settledAt": iso_millis(record.settled_at)} if record.settled_at else {}),
        **({"expendable": True} if record.expendable else {}),
        **({"sampledOut": sampled_out_document(record.sampled_out, invoked_in(record.state))} if record.sampled_out else {}),
        **({"held": True} if record.held else {}),
        **({"spansBehind": sorted(record.spans_behind)} if record.spans_behind else {}),
        **({"left": True} if record.left else {}),
        **({"openedBy": dict.fromkeys(sorted(record.opened_by), True)} if record.opened_by else {}),
        **({"knowsLines": True} if record.knows_lines else {}),
        **({"changedAt": record.changed_at} if record.changed_at else {}),
    }


def opened_document(trace_id: str, opening: Opening) -> dict[str, Any]:
    """Makes the document of a trace of which nobody has looked at a line yet."""
    return {"@timestamp": opening.at, "lastSeenAt": opening.at, "doc": {"kind": "trace"}, "traceId": trace_id, "trace": PENDING,
            "left": True, "knowsLines": True, **reopened_document(opening)}  # fmt: skip


def reopened_document(opening: Opening) -> dict[str, Any]:
    """Makes what is merged into the document of a trace of which more lines come; OpenSearch merges an object key by key."""
    return {"settled": False, "openedBy": {opening.batch: True}}


def is_notable(verdict: Verdict) -> bool:
    """Whether the lines of a trace show its verdict themselves: it fails, a rule fired, or it ended as anything but complete."""
    failed = verdict.fault or verdict.error or verdict.throttle or verdict.client_saw == "error"
    return bool(failed or verdict.findings) or (verdict.final and verdict.state != "complete")


def trace_status(verdict: Verdict, version: int) -> dict[str, Any]:
    """Makes the `trace` object that a trace, its lines and its spans carry; it has every key, so that an update leaves no old value."""
    return {
        "state": verdict.state, "stateReason": verdict.state_reason, "fault": verdict.fault, "error": verdict.error,
        "throttle": verdict.throttle, "edgeStatus": verdict.edge_status, "clientSaw": verdict.client_saw,
        "hiddenFault": verdict.hidden_fault, "rules": list(verdict.rules), "version": version,
    }  # fmt: skip


def correlation_ids_of(state: TraceState) -> list[str]:
    """Returns the correlation ids that the trace's lines name, sorted: at most 100, of which each log group has its share."""
    named = {value: {request: fact for request, fact in evidence.items() if fact.method == "correlation id"}
             for value, evidence in state.shown_keys.items()}  # fmt: skip
    return fair_share(values_by_origin(named).values(), _MOST_CORRELATION_IDS)


def invoked_in(state: TraceState) -> list[str]:
    """Returns the addresses of the log streams in which the platform says that requests of the trace ran, sorted: at most 100."""
    found = {LogStream(request.log_group, name, request.account).address
             for request in state.requests.values() if request.platform and not request.elsewhere for name in request.runs}  # fmt: skip
    return sorted(found)[:_MOST_LOG_STREAMS]


def services_of(state: TraceState) -> set[str]:
    """Returns the names of the services that the segments of a trace show."""
    return {fact.service_name or fact.name for fact in state.segments.values() if not fact.subsegment}


def annotations_of(state: TraceState) -> dict[str, list[Annotation]]:
    """Returns the annotations of all segments and subsegments: the values by key, both in a fixed order and bounded in number."""
    found: dict[str, dict[str, Annotation]] = {}
    for fact in state.segments.values():
        for key, value in fact.annotations:
            # by their text, since True and 1 would be the same key of a dictionary
            found.setdefault(key, {})[repr(value)] = value
    return {key: [values[name] for name in sorted(values)[:_MOST_VALUES]] for key, values in sorted(found.items())[:_MOST_KEYS]}


def _started(state: TraceState) -> int:
    starts = [fact.start for fact in state.segments.values() if fact.start]
    return min(starts) // 1_000_000 if starts else state.first_line_at
