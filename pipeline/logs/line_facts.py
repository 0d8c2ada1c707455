"""Line facts: what a log document says of its trace. The one reading of it, for `ship`, `resolve` and `classify`."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.model.facts import InvocationMarks, KeyFact, Method, RequestFact, SignalFact, evidence_of, signal_fact
from pipeline.model.invocations import marks_of, position_of
from pipeline.model.log_groups import is_of_lambda
from pipeline.model.timestamps import millis_of
from pipeline.model.trace_ids import parse_trace_id
from pipeline.model.trace_state import TraceState


def facts_of_line(line_id: str, source: Mapping[str, Any]) -> TraceState:
    """What a log line says of its trace: its request, its signals and its join keys.

    Args:
        line_id: the id of its document.
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
    """Whether a line stands in its request by its place alone, and what comes later may show that it does not: it says nothing."""
    return bool((source.get("state") or {}).get("loose"))


def said_by_line(source: Mapping[str, Any], name: str) -> Any:
    """What a line itself says, where its trace or request gave it more: that is kept in its state."""
    return (source.get("state") or {}).get(name, source.get(name))


def ran_in_other_trace(source: Mapping[str, Any]) -> TraceState:
    """What a line says of a trace that was taken for its own, and is not."""
    request = _request_of(source)
    gone = RequestFact(request_id=request.request_id, log_group=request.log_group, first_at=request.first_at, last_at=request.last_at,
                       elsewhere=True)  # fmt: skip
    return TraceState(requests={gone.key: gone})


def retract_signals(line_id: str) -> TraceState:
    """Facts that retract a line's signals after it was assigned to a trace by mistake."""
    return TraceState(signals={line_id: SignalFact(line_id=line_id)})


def _request_of(source: Mapping[str, Any]) -> RequestFact:
    """What a line says of its request."""
    at = millis_of(source["@timestamp"])
    aws, inline = source.get("aws") or {}, source.get("idSource") == "inline"
    group = aws.get("logGroup") or ""
    request_id, event_name = said_by_line(source, "requestId") or "", source.get("eventName") or ""
    by_platform = inline and bool(event_name)
    # what Lambda itself says of the segment; API Gateway's logs name none
    by_lambda = by_platform and not event_name.startswith("apigateway.")
    return RequestFact(
        request_id=request_id,
        log_group=group if request_id else "",
        platform=by_platform and bool(request_id),
        segment_id=(source.get("spanId") or "") if by_lambda else "",
        sampled=source.get("sampled") if by_lambda else None,
        claimed_sampled=said_by_line(source, "sampled") if inline and not by_lambda else None,
        first_at=at,
        last_at=at,
        # a function may print what looks like an access log
        status=None if is_of_lambda(group, aws.get("logStream") or "") else source.get("httpStatus"),
        integration_request_id=source.get("integrationRequestId") or "",
        runs=_marks_of(source, event_name) if request_id and event_name else {},
    )


def _marks_of(source: Mapping[str, Any], event_name: str) -> dict[str, InvocationMarks]:
    return marks_of(event_name, (source.get("aws") or {}).get("logStream") or "", position_of(source))


def _keys_of(line_id: str, source: Mapping[str, Any]) -> Iterator[tuple[str, KeyFact]]:
    """The join keys of a line: ids that other traces may show too, each with its evidence."""
    integration = source.get("integrationRequestId")
    named: dict[Method, list[str]] = {
        "tracing header": [id_ for id_ in source.get("propagatedTraceId") or () if id_ != source.get("traceId")],
        "integration request id": [integration] if integration else [],
        "correlation id": said_by_line(source, "correlationId") or [],
    }
    for method, values in named.items():
        for value in values:
            fact = KeyFact(method=method, service_name=source.get("serviceName", ""), line_id=line_id)
            yield value, fact
            # a trace id may serve as correlation id, in X-Ray's rendering
            if method == "correlation id" and (trace_id := parse_trace_id(value)) and trace_id not in {value, source.get("traceId")}:
                yield trace_id, fact
