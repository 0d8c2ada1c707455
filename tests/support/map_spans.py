"""Spans for tests of the service map, as they are stored."""

BEGAN = 1_790_000_000_000_000_000


def stored(id_, parent="", service="a", trace="t1", kind="SERVER", at=0, length=10, **more):
    """A stored span; ``at`` and ``length`` are milliseconds, further words are fields of its segment or of the document."""
    document = {"traceId": trace, "spanId": id_, "parentSpanId": parent, "serviceName": service, "kind": f"SPAN_KIND_{kind}",
                "transactionId": more.pop("transaction", trace), "status": {"code": 2 if more.pop("failed", False) else 0}}  # fmt: skip
    for name in ("links", "attributes", "trace"):
        if name in more:
            document[name] = more.pop(name)
    start = BEGAN + at * 1_000_000
    return document | {"state": {"start": start, "end": start + length * 1_000_000 if length is not None else None, **more}}
