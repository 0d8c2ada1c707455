"""Line facts: turns a log document into facts about its trace. `ship`, `resolve` and `classify` all read documents this way."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from pipeline.model.durable import DurableFact
from pipeline.model.facts import KeyFact, Method, RequestFact, SignalFact, evidence_of
from pipeline.model.invocations import LogStream, marks_of, position_of, stream_of
from pipeline.model.log_groups import EXECUTION_LOG_GROUP
from pipeline.model.places import places_of
from pipeline.model.timestamps import millis_of
from pipeline.model.trace_ids import parse_trace_id
from pipeline.model.trace_state import TraceState

# how the event names of API Gateway's lines begin
_API_GATEWAY: Final = "apigateway."
_NO_SEGMENT: Final = (_API_GATEWAY, "appsync.")
EVENT_BUS: Final = "eventbridge."
"""How the event names of the records of EventBridge's buses begin."""
_NO_TRACE: Final = (EVENT_BUS, "states.")


def facts_of_line(line_id: str, source: Mapping[str, Any]) -> TraceState:
    """The facts that a log document adds to its trace: its request, its signals and its join keys; none if the line is provisional.

    Where its position decides and the line names another request, it adds its signals alone: the named one may turn out to have run in
    another trace, and signals are all that can be retracted then.

    Args:
        line_id: the _id of the document.
        source: the document.
    """
    if is_provisional(source):
        return TraceState()
    stream = stream_of(source)
    request = _request_of(source, stream)
    signals = _signals_of(line_id, source, request)
    if names_another(source):
        return TraceState(signals=signals)
    return TraceState(
        requests={request.key: request},
        signals=signals,
        keys=_keys_of(line_id, source, request, stream),
        places=_places_of(source),
    )


def is_provisional(source: Mapping[str, Any]) -> bool:
    """Whether a line's request is a guess from its position. Such a line adds no facts to the trace."""
    return bool((source.get("state") or {}).get("loose"))


def names_another(source: Mapping[str, Any]) -> bool:
    """Whether a line's position gave it its trace, though the line names a request that did not run in an invocation around it."""
    return source.get("idSource") == "stream" and bool((source.get("state") or {}).get("requestId"))


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


def ran_in_other_trace(line_id: str, source: Mapping[str, Any], claimed: str) -> TraceState:
    """The facts that a line adds to the trace ``claimed``, which it claims, but in which its request did not run.

    They are the same before and after the line was moved, so that the record of that trace ends alike whichever was seen.
    """
    stream = stream_of(source)
    request = _request_of(source, stream)
    elsewhere = RequestFact(request_id=request.request_id, log_group=request.log_group, account=request.account,
                            first_at=request.first_at, last_at=request.last_at, elsewhere=True)  # fmt: skip
    return TraceState(
        requests={elsewhere.key: elsewhere},
        signals=retract_signals(line_id, source).signals,
        keys=_keys_of(line_id, {**source, "traceId": claimed}, request, stream),
        places=_places_of(source),
    )


def retract_signals(line_id: str, source: Mapping[str, Any]) -> TraceState:
    """Facts that retract a line's signals after it was assigned to a trace by mistake; they hold nothing that an assignment changes."""
    facts = _signals_of(line_id, source, _request_of(source, stream_of(source))).values()
    retracted = {"service_name": "", "request_id": "", "text": "", "durable": None, "by_position": False, "retracted": True}
    return TraceState(signals={fact.line_id: msgspec.structs.replace(fact, **retracted) for fact in facts})


def _places_of(source: Mapping[str, Any]) -> tuple[str, ...]:
    """The account and region that a line comes from; none for a line of a file."""
    aws = source.get("aws") or {}
    return places_of(aws.get("accountId") or "", aws.get("region") or "")


def _signals_of(line_id: str, source: Mapping[str, Any], request: RequestFact) -> dict[str, SignalFact]:
    """The failure that a line reports, by the line's id; empty if it has no signals."""
    if not (signals := tuple(source.get("signals", ()))):
        return {}
    stream = stream_of(source)
    fact = SignalFact(
        line_id=line_id, signals=signals, service_name=source.get("serviceName", ""), request_id=request.request_id,
        log_group=stream.log_group, account=stream.account, at=request.first_at,
        text=evidence_of(source.get("body", ""), source.get("excerpt")), severity=(source.get("severity") or {}).get("number") or 0,
        by_position=names_another(source), durable=durable_in(source),
    )  # fmt: skip
    return {line_id: fact}


def _request_of(source: Mapping[str, Any], stream: LogStream) -> RequestFact:
    """The request of a line, with what the line says of it."""
    at = millis_of(source["@timestamp"])
    inline = source.get("idSource") == "inline"
    named = source.get("requestId") if names_another(source) else said_by_line(source, "requestId")
    request_id, event_name = named or "", source.get("eventName") or ""
    by_platform = inline and bool(event_name) and not event_name.startswith(_NO_TRACE)
    # only Lambda's own lines name the segment; API Gateway's and AppSync's logs name none
    by_lambda = by_platform and not event_name.startswith(_NO_SEGMENT)
    by_api_gateway = _is_of_api_gateway(source, stream)
    # any program may print what looks like an access log
    status = source.get("httpStatus") if by_api_gateway else None
    has_origin = bool(request_id or status)
    return RequestFact(
        request_id=request_id,
        log_group=stream.log_group if has_origin else "",
        account=stream.account if has_origin else "",
        platform=by_platform and bool(request_id),
        segment_id=(source.get("spanId") or "") if by_lambda else "",
        sampled=source.get("sampled") if by_lambda else None,
        claimed_sampled=said_by_line(source, "sampled") if inline and not by_lambda else None,
        first_at=at,
        last_at=at,
        status=status,
        integration_request_id=(source.get("integrationRequestId") or "") if by_api_gateway else "",
        runs=marks_of(event_name, stream.log_stream, position_of(source)) if request_id and event_name else {},
        went_on_at=at if request_id and (durable := durable_in(source)) and durable.is_of_handler else 0,
    )


def durable_in(source: Mapping[str, Any]) -> DurableFact | None:
    """What a document says of a durable execution; None if it says nothing, or another program wrote it."""
    said = source.get("durable")
    if said is not None:
        with suppress(msgspec.ValidationError):
            return msgspec.convert(said, DurableFact)
    return None


def _is_of_api_gateway(source: Mapping[str, Any], stream: LogStream) -> bool:
    """Whether API Gateway wrote a line: `ship` names the event of an access log's lines, and the execution log has a name of its own.

    A line of a file, without a log group, may be its.
    """
    log_group = stream.log_group
    return not log_group or log_group.startswith(EXECUTION_LOG_GROUP) or (source.get("eventName") or "").startswith(_API_GATEWAY)


def _keys_of(line_id: str, source: Mapping[str, Any], request: RequestFact, stream: LogStream) -> dict[str, dict[str, KeyFact]]:
    """The join keys of a line, each with its evidence by the key of the line's request, or else by its origin."""
    shown_by = request.key or (f" {stream.origin}" if stream.origin else "")
    return {value: {shown_by: fact} for value, fact in _ids_in(line_id, source, request)}


def _ids_in(line_id: str, source: Mapping[str, Any], request: RequestFact) -> Iterator[tuple[str, KeyFact]]:
    """Yields the ids in a line that other traces may show too, each with its evidence."""
    integration = request.integration_request_id
    by_method: dict[Method, list[str]] = {
        "tracing header": [id_ for id_ in source.get("propagatedTraceId") or () if id_ != source.get("traceId")],
        "integration request id": [integration] if integration else [],
        "correlation id": said_by_line(source, "correlationId") or [],
    }
    for method, values in by_method.items():
        for value in values:
            fact = KeyFact(method=method, service_name=source.get("serviceName", ""), line_id=line_id, at=request.first_at)
            yield value, fact
            # a trace id may serve as correlation id, in X-Ray's rendering
            if method == "correlation id" and (trace_id := parse_trace_id(value)) and trace_id not in {value, source.get("traceId")}:
                yield trace_id, fact
