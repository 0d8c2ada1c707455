"""Line facts: turns a log document into facts about its trace. `ship`, `resolve` and `classify` all read documents this way."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.model.facts import KeyFact, Method, RequestFact, SignalFact, evidence_of, signal_fact
from pipeline.model.invocations import marks_of, position_of
from pipeline.model.log_groups import is_of_lambda
from pipeline.model.timestamps import millis_of
from pipeline.model.trace_ids import parse_trace_id
from pipeline.model.trace_state import TraceState


def facts_of_line(line_id: str, source: Mapping[str, Any]) -> TraceState:
    """The facts that a log document adds to its trace: its request, its signals and its join keys; none if the line is provisional.

    Args:
        line_id: the _id of the document.
        source: the document, or the fields of it that `pipeline.store.document_facts.FACTS` names.
    """
    if is_provisional(source):
        return TraceState()
    request = _request_of(source)
    return TraceState(
        requests={request.key: request},
        signals=signal_fact(
            line_id,
            tuple(source.get("signals", ())),
            source.get("serviceName", ""),
            request,
            evidence_of(source.get("body", ""), source.get("excerpt")),
            (source.get("severity") or {}).get("number") or 0,
        ),
        keys={value: {request.key: fact} for value, fact in _keys_of(line_id, source)},
    )


def is_provisional(source: Mapping[str, Any]) -> bool:
    """Whether a line's request is a guess from its position. Such a line adds no facts to the trace."""
    return bool((source.get("state") or {}).get("loose"))


def said_by_line(source: Mapping[str, Any], name: str) -> Any:
    """The value of the field ``name`` that the line logged, before its trace or request added to it."""
    return (source.get("state") or {}).get(name, source.get(name))


def as_logged(source: Mapping[str, Any], *, given: str = "") -> dict[str, Any]:
    """A line's document without the trace and request that its position gave it: with those that the line itself names, if any.

    The trace of a tracing header that the line shows is a sender's, and counts for nothing.

    Args:
        source: the document.
        given: the request id that its position gave it, where the document does not say so.
    """
    by_position = source.get("idSource") == "stream"
    claimed = source.get("staleTraceId") if by_position else source.get("traceId")
    if claimed in (source.get("propagatedTraceId") or ()):
        claimed = None
    named = said_by_line(source, "requestId")
    if by_position and "requestId" not in (source.get("state") or {}) and (named == given or source.get("attributes") is None):
        named = None
    logged = {name: value for name, value in source.items() if name not in {"traceId", "requestId", "staleTraceId"}}
    logged["idSource"] = "inline" if claimed else "none"
    return logged | ({"traceId": claimed} if claimed else {}) | ({"requestId": named} if named else {})


def ran_in_other_trace(source: Mapping[str, Any]) -> TraceState:
    """The facts that a line adds to a trace which it claims, but in which its request did not run."""
    request = _request_of(source)
    elsewhere = RequestFact(request_id=request.request_id, log_group=request.log_group, first_at=request.first_at, last_at=request.last_at,
                            elsewhere=True)  # fmt: skip
    return TraceState(requests={elsewhere.key: elsewhere})


def retract_signals(line_id: str) -> TraceState:
    """Facts that retract a line's signals after it was assigned to a trace by mistake."""
    return TraceState(signals={line_id: SignalFact(line_id=line_id)})


def _request_of(source: Mapping[str, Any]) -> RequestFact:
    """The request of a line, with what the line says of it."""
    at = millis_of(source["@timestamp"])
    aws, inline = source.get("aws") or {}, source.get("idSource") == "inline"
    log_group, log_stream = aws.get("logGroup") or "", aws.get("logStream") or ""
    request_id, event_name = said_by_line(source, "requestId") or "", source.get("eventName") or ""
    by_platform = inline and bool(event_name)
    # only Lambda's own lines name the segment; API Gateway's logs name none
    by_lambda = by_platform and not event_name.startswith("apigateway.")
    return RequestFact(
        request_id=request_id,
        log_group=log_group if request_id else "",
        platform=by_platform and bool(request_id),
        segment_id=(source.get("spanId") or "") if by_lambda else "",
        sampled=source.get("sampled") if by_lambda else None,
        claimed_sampled=said_by_line(source, "sampled") if inline and not by_lambda else None,
        first_at=at,
        last_at=at,
        # a function may print what looks like an access log
        status=None if is_of_lambda(log_group, log_stream) else source.get("httpStatus"),
        integration_request_id=source.get("integrationRequestId") or "",
        runs=marks_of(event_name, log_stream, position_of(source)) if request_id and event_name else {},
    )


def _keys_of(line_id: str, source: Mapping[str, Any]) -> Iterator[tuple[str, KeyFact]]:
    """Yields the join keys of a line, which are ids that other traces may show too, each with its evidence."""
    integration = source.get("integrationRequestId")
    by_method: dict[Method, list[str]] = {
        "tracing header": [id_ for id_ in source.get("propagatedTraceId") or () if id_ != source.get("traceId")],
        "integration request id": [integration] if integration else [],
        "correlation id": said_by_line(source, "correlationId") or [],
    }
    for method, values in by_method.items():
        for value in values:
            fact = KeyFact(method=method, service_name=source.get("serviceName", ""), line_id=line_id)
            yield value, fact
            # a trace id may serve as correlation id, in X-Ray's rendering
            if method == "correlation id" and (trace_id := parse_trace_id(value)) and trace_id not in {value, source.get("traceId")}:
                yield trace_id, fact
