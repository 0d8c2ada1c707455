"""Tracing headers: makes and passes on tracing headers, the ids in them, and span links."""

import secrets
import time
from typing import Any, Literal

from pipeline.model.trace_ids import TraceHeader, parse_header, to_xray


def new_trace(*, sampled: bool) -> TraceHeader:
    """The header of a new trace that begins now, without a parent."""
    return TraceHeader(f"{int(time.time()):08x}{secrets.token_hex(12)}", None, sampled)


def new_span_id() -> str:
    """A new segment id: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def render(header: TraceHeader) -> str:
    """The tracing header as the text of X-Amzn-Trace-Id."""
    parent = f";Parent={header.parent_id}" if header.parent_id else ""
    return f"Root={to_xray(header.trace_id)}{parent};Sampled={int(bool(header.sampled))}"


def header_of(text: str | None) -> TraceHeader:
    """The tracing header in ``text``, sampled where it does not say; a new sampled trace where it holds no valid one."""
    header = parse_header(text or "")
    if header is None:
        return new_trace(sampled=True)
    return header if header.sampled is not None else header._replace(sampled=True)


def stamped(caller: TraceHeader, sent: str | None) -> str:
    """The header that API Gateway passes to a function: ``sent`` with a ``Self`` before it, or ``caller``'s root where none was sent."""
    if parse_header(sent or "") is None:
        return f"Root={to_xray(caller.trace_id)}"
    return f"Self={to_xray(new_trace(sampled=True).trace_id)};{sent}"


def link_to(span: TraceHeader, reference: Literal["parent", "child"], **attributes: object) -> dict[str, Any]:
    """A span link to a span of another trace, in X-Ray's JSON as recorded traces have it."""
    named = {f"aws.xray.reserved.{name}": value for name, value in attributes.items()}
    return {"trace_id": to_xray(span.trace_id), "id": span.parent_id, "attributes": {"aws.xray.reserved.reference_type": reference} | named}
