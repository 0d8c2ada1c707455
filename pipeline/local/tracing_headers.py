"""Tracing headers, the ids in them, and links: as the local platform makes and hands them on."""

import secrets
import time
from typing import Any, Literal

from pipeline.model.trace_ids import TraceHeader, parse_header, to_xray


def new_trace(*, sampled: bool) -> TraceHeader:
    """A new trace, begun now, without a parent."""
    return TraceHeader(f"{int(time.time()):08x}{secrets.token_hex(12)}", None, sampled)


def new_span_id() -> str:
    """A new segment id."""
    return secrets.token_hex(8)


def render(header: TraceHeader) -> str:
    """A tracing header as text."""
    parent = f";Parent={header.parent_id}" if header.parent_id else ""
    return f"Root={to_xray(header.trace_id)}{parent};Sampled={int(bool(header.sampled))}"


def header_of(text: str | None) -> TraceHeader:
    """The header that a caller sent, or a new sampled trace where it sent none that is valid."""
    header = parse_header(text or "")
    if header is None:
        return new_trace(sampled=True)
    return header if header.sampled is not None else header._replace(sampled=True)


def stamped(caller: TraceHeader, sent: str | None) -> str:
    """The header as API Gateway shows it to a function: what was sent, with a ``Self`` of its own before it; else a new root."""
    if parse_header(sent or "") is None:
        return f"Root={to_xray(caller.trace_id)}"
    return f"Self={to_xray(new_trace(sampled=True).trace_id)};{sent}"


def link_to(span: TraceHeader, reference: Literal["parent", "child"], **attributes: object) -> dict[str, Any]:
    """A link to a span of another trace, in the shape of recorded traces."""
    named = {f"aws.xray.reserved.{name}": value for name, value in attributes.items()}
    return {"trace_id": to_xray(span.trace_id), "id": span.parent_id, "attributes": {"aws.xray.reserved.reference_type": reference} | named}
