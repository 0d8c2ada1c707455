"""Decision: whether a transaction is kept, waits, or goes, and in words why. Pure: the same facts give the same answer everywhere."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from pipeline.model.log_groups import service_name_of
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray
from pipeline.retain.policy import Asked, Policy, Share, any_match, share_of
from pipeline.retain.slowness import Slowness
from pipeline.retain.whole_transactions import MOST_DOCUMENTS, WholeTransaction, is_line
from pipeline.store.results import Hit
from pipeline.store.trace_document import TraceRecord, annotations_of, correlation_ids_of, services_of

ERROR: Final = 17
"""OpenTelemetry's severity number from which on a line reports an error (OpenTelemetry, "Logs Data Model")."""

_HEADERS: Final = frozenset({"headers", "multivalueheaders"})
_DEEPEST: Final = 6


class Decision(msgspec.Struct, frozen=True):
    """What becomes of a transaction: it is kept for good, waits until more is known, or goes; and why, in words."""

    outcome: Literal["kept", "waits", "goes"]
    reason: str


def decide(policy: Policy, transaction: WholeTransaction, slowness: Slowness, now_ms: int) -> Decision:
    """Decides about a transaction by all that is stored of it.

    Args:
        policy: what is kept.
        transaction: with its lines and spans.
        slowness: from when on traces are slow.
        now_ms: milliseconds since the epoch, UTC.
    """
    if found := decide_by_records(policy, transaction, now_ms):
        return found
    documents = transaction.documents
    if len(documents) > MOST_DOCUMENTS:
        return Decision("kept", f"it has more than {MOST_DOCUMENTS:,} lines and spans")
    records = transaction.records.values()
    reason = _failing_line(documents) or _asked_for(policy.asked, records, documents) or _slow(slowness, records)
    if reason:
        return Decision("kept", reason)
    if any(record.sampled_out and not record.sampled_out.open for record in records):
        return Decision("goes", "a part of it went before")
    share = share_of_transaction(policy, records, documents)
    words = f"{_percent(share.keep)} that {share.source} keeps of such healthy transactions"
    return Decision("kept", f"it is among the {words}") if share.has(transaction.id) else Decision("goes", f"it is not among the {words}")


def decide_by_records(policy: Policy, transaction: WholeTransaction, now_ms: int) -> Decision | None:
    """Decides by the trace records alone: what is held, unfinished, failed or too young never goes; None where more has to be looked at."""
    records = transaction.records.values()
    if any(record.held for record in records):
        return Decision("kept", "it is held")
    if unfinished := [record for record in records if not record.verdict.final]:
        return Decision("waits", f"its trace {to_xray(unfinished[0].trace_id)} is not finished: {unfinished[0].verdict.state}")
    if failed := [record for record in records if not record.healthy]:
        return Decision("kept", _what_failed(failed[0]))
    if any(not (record.settled and record.current) for record in records):
        return Decision("waits", "it is not settled")
    if (until := transaction.quiet_since_ms + policy.grace_ms) > now_ms:
        return Decision("waits", f"something may still come until {iso_millis(until)}")
    return None


def may_go(policy: Policy, record: TraceRecord) -> bool:
    """Whether the transaction of ``record`` may go, as far as this trace alone tells: the sweep looks at those alone."""
    named = {(request.log_group, stream) for request in record.state.requests.values() if request.log_group
             for stream in request.runs or ("",)}  # fmt: skip
    log_groups = {log_group for log_group, _ in named}
    services = services_of(record.state) | {service_name_of(*names) for names in named}
    return record.healthy and not record.held and not share_of(policy, services, log_groups, 0).has(record.transaction_id)


def share_of_transaction(policy: Policy, records: Iterable[TraceRecord], documents: Iterable[Hit]) -> Share:
    """Returns the share that ``policy`` keeps of such transactions, by the services, log groups and levels that these show."""
    services: set[str] = set()
    log_groups: set[str] = set()
    level = 0
    for record in records:
        services |= services_of(record.state)
    for hit in documents:
        services.add(str(hit.source.get("serviceName") or ""))
        if is_line(hit):
            log_groups.add(log_group_of(hit))
            level = max(level, severity_of(hit.source))
    return share_of(policy, services, log_groups, level)


def log_group_of(hit: Hit) -> str:
    """The log group of a line; empty if it is unknown."""
    return str((hit.source.get("aws") or {}).get("logGroup") or "")


def severity_of(source: Mapping[str, Any]) -> int:
    """The OpenTelemetry severity number of a stored line; 0 if it names none."""
    return int((source.get("severity") or {}).get("number") or 0)


def is_failing(source: Mapping[str, Any]) -> bool:
    """Whether a stored line reports a failure."""
    return bool(source.get("signals")) or severity_of(source) >= ERROR


def _what_failed(record: TraceRecord) -> str:
    verdict, of_trace = record.verdict, f"its trace {to_xray(record.trace_id)}"
    if verdict.hidden_fault:
        return f"{of_trace} has a hidden fault: {', '.join(verdict.rules)}"
    if verdict.rules:
        return f"{of_trace} has a failure: {', '.join(verdict.rules)}"
    if verdict.fault or verdict.error or verdict.throttle or verdict.client_saw == "error":
        return f"{of_trace} failed"
    return f"{of_trace} has a line that reports a failure" if verdict.healthy else f"{of_trace} is {verdict.state}"


def _failing_line(documents: Iterable[Hit]) -> str:
    for hit in filter(is_line, documents):
        if hit.source.get("staleTraceId"):
            return "one of its lines has a stale trace id"
        if is_failing(hit.source):
            return "one of its lines reports a failure"
    return ""


def _asked_for(asked: Asked, records: Collection[TraceRecord], documents: Iterable[Hit]) -> str:
    for record in records:
        found = annotations_of(record.state)
        for key, patterns in asked.annotations.items():
            if any_match(map(_as_text, found.get(key, ())), patterns):
                return f"the policy asks for it: annotation {key}"
        if any_match(correlation_ids_of(record.state), asked.correlation_ids):
            return "the policy asks for it: correlation id"
    for hit in documents if asked.headers else ():
        for name, value in _headers_in(hit.source.get("attributes"), _DEEPEST):
            if any_match([value], asked.headers.get(name, ())):
                return f"the policy asks for it: header {name}"
    return ""


def _as_text(value: object) -> str:
    # as YAML and JSON write it
    return str(value).lower() if isinstance(value, bool) else str(value)


def _headers_in(content: object, depth: int) -> Iterator[tuple[str, str]]:
    """The headers, name in lower case and value, in the JSON of a line: as in an event of API Gateway, at any place."""
    entries = content.items() if isinstance(content, Mapping) else enumerate(content) if isinstance(content, list) else ()
    for key, value in entries if depth else ():
        if str(key).lower() in _HEADERS and isinstance(value, Mapping):
            for name, text in value.items():
                yield from ((str(name).lower(), _as_text(each)) for each in (text if isinstance(text, list) else [text]))
        else:
            yield from _headers_in(value, depth - 1)


def _slow(slowness: Slowness, records: Iterable[TraceRecord]) -> str:
    return next((reason for record in records if (reason := slowness.of(record.verdict.root))), "")


def _percent(share: float) -> str:
    return f"{100 * share:.6g} %"
