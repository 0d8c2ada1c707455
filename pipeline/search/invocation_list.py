"""Invocation list: the invocations of Lambda functions, one a row, with what Lambda, their lines and their traces say of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

from pipeline.model.log_groups import service_name_of
from pipeline.model.trace_ids import to_xray
from pipeline.search.invocation_query import STATUSES, InvocationQuery, Status, invocation_clause, order_of
from pipeline.search.invocation_signals import signals_of
from pipeline.search.read_records import as_recorded
from pipeline.store.client import Store
from pipeline.store.own_documents import has_own_form
from pipeline.store.pages import pages

_PAGE: Final = 1000
SHOWN: Final = {"excludes": ["attributes", "log.record.original", "body"]}
"""What is read of a report."""
# what a line that shows it says of its invocation, the strongest first
_SAID_BY_LINES: Final[Mapping[str, Status]] = {"timeout": "timeout", "crash": "error", "out-of-memory": "error", "exception": "exception"}

Hit = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One invocation; what nobody says of it is None or empty.

    Attributes:
        at: when Lambda reported on it, ISO 8601, UTC.
        function: the name of the function.
        status: as Lambda says, else as its trace or its lines do, else success.
        error_type: Lambda's type of the error.
        signals: the kinds of failure that its lines show, where Lambda does not say how it ended.
        trace_id: as X-Ray writes it.
        trace_state: the state of the trace.
        hidden_fault: whether a fault hides in its trace.
    """

    at: str
    function: str
    status: Status
    error_type: str
    duration_ms: float | None
    billed_ms: int | None
    memory_mb: int | None
    max_memory_mb: int | None
    init_ms: float | None
    restore_ms: float | None
    cold_start: bool | None
    tenant_id: str
    signals: tuple[str, ...]
    request_id: str
    trace_id: str
    trace_state: str
    hidden_fault: bool
    account_id: str
    region: str
    log_group: str
    log_stream: str


def list_invocations(query: InvocationQuery, store: Store, *, limit: int = 0) -> Iterator[Invocation]:
    """Yields invocations in the order of ``query``, page by page: memory does not grow with their number.

    Args:
        query: which ones.
        store: OpenSearch.
        limit: the most; 0 for all.

    Raises BadInputError where nothing can lie in the period.
    """
    body = {"query": invocation_clause(query, statuses=query.statuses), "sort": order_of(query), "_source": SHOWN}
    # with a status, only what else is said of an invocation decides whether it is listed
    size = min(limit, _PAGE) if limit and not query.statuses else _PAGE
    listed = 0
    for page in pages(store, body, index=store.lines_and_spans, size=size):
        for invocation in read_invocations(list(filter(is_report, page)), store):
            if query.statuses and invocation.status not in query.statuses:
                continue
            yield invocation
            listed += 1
            if listed == limit:
                return


def as_json(invocation: Invocation) -> dict[str, Any]:
    """Returns an invocation as JSON values, under the names of the fields of its report."""
    return {_camel(name): value for name, value in asdict(invocation).items()}


def is_report(hit: Hit) -> bool:
    """Whether a hit of reports has the form and the time that tracejoin gives them."""
    return has_own_form(hit["_source"]) and bool(hit["_source"].get("@timestamp"))


def read_invocations(hits: Sequence[Hit], store: Store) -> Iterator[Invocation]:
    """Yields the invocations of these hits, which are the reports on them as `is_report` tells, in their order."""
    sources = [hit["_source"] for hit in as_recorded(hits, store)]
    unsaid = [number for number, source in enumerate(sources) if not source.get("platformStatus")]
    signals = dict(zip(unsaid, signals_of([sources[number] for number in unsaid], store), strict=True))
    return (_invocation(source, signals.get(number, ())) for number, source in enumerate(sources))


def _invocation(source: Mapping[str, Any], signals: tuple[str, ...]) -> Invocation:
    aws, trace, trace_id = source.get("aws") or {}, source.get("trace") or {}, source.get("traceId") or ""
    log_group, log_stream = aws.get("logGroup") or "", aws.get("logStream") or ""
    return Invocation(
        at=source["@timestamp"],
        function=service_name_of(log_group, log_stream) or source.get("serviceName") or "",
        status=status_of(source, signals),
        error_type=source.get("errorType") or "",
        duration_ms=source.get("durationMs"),
        billed_ms=source.get("billedMs"),
        memory_mb=source.get("memoryMb"),
        max_memory_mb=source.get("maxMemoryMb"),
        init_ms=source.get("initMs"),
        restore_ms=source.get("restoreMs"),
        cold_start=source.get("coldStart"),
        tenant_id=source.get("tenantId") or "",
        signals=signals,
        request_id=source.get("requestId") or "",
        trace_id=to_xray(trace_id) if trace_id else "",
        trace_state=trace.get("state") or "",
        hidden_fault=bool(trace.get("hiddenFault")),
        account_id=aws.get("accountId") or "",
        region=aws.get("region") or "",
        log_group=log_group,
        log_stream=log_stream,
    )


def status_of(source: Mapping[str, Any], signals: Sequence[str]) -> Status:
    """How an invocation ended, by its report; else by its segment, then by what its lines show.

    Args:
        source: the document of the report. Lambda's text REPORT names timeouts and exits, but no exception of a handler.
        signals: the kinds of failure that the lines of its request show.
    """
    said = source.get("platformStatus") or ""
    if said in STATUSES:
        return cast("Status", said)
    segment = source.get("segment") or {}
    if segment.get("fault") or segment.get("error"):
        return "error"
    return next((status for signal, status in _SAID_BY_LINES.items() if signal in signals), "success")


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
