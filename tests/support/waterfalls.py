"""Stored lines and spans of made-up transactions, for tests of what draws them."""

from datetime import UTC, datetime, timedelta

BEGAN = datetime(2026, 11, 24, 10, tzinfo=UTC)
ONE, OTHER_TRACE = "5759e988bd862e3fe1be46a994272793", "5759e988bd862e3fe1be46a994272794"


def at(milliseconds):
    """A time that long after the transaction began, as it is stored."""
    return (BEGAN + timedelta(milliseconds=milliseconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def stored_span(id_, start=0.0, end=10.0, parent="", *, trace=ONE, name="", failed=False, state=None, **more):
    """A span document; without ``end`` the span is still open."""
    document = {"_id": f"{trace}-{id_}", "doc": {"kind": "span"}, "traceId": trace, "spanId": id_, "parentSpanId": parent, "name": name or id_,
                "serviceName": "orders", "status": {"code": 2 if failed else 0}, "@timestamp": at(start), "startTime": at(start),
                "state": state or {"subsegment": True}}  # fmt: skip
    if end is not None:
        document |= {"endTime": at(end), "durationInNanos": int((end - start) * 1e6)}
    return document | more


def stored_line(id_, when=1.0, span="", *, trace=ONE, body="", **more):
    """A log document, written in the segment ``span``."""
    document = {"_id": id_, "doc": {"kind": "log"}, "serviceName": "orders", "body": body or id_, "@timestamp": at(when),
                "aws": {"logGroup": "/ecs/orders", "logStream": "s"}}  # fmt: skip
    document |= {"traceId": trace} if trace else {}
    return document | ({"segment": {"id": span}} if span else {}) | more


def stored_bulk(document):
    """The bulk lines of a document."""
    kind = "spans" if document["doc"]["kind"] == "span" else "logs"
    stored = {name: value for name, value in document.items() if name != "_id"}
    return [{"create": {"_index": f"@-{kind}-2026.11.24", "_id": document["_id"]}}, stored]


def stored_trace(trace=ONE, *, findings=(), reason="Every segment is closed.", state="complete"):
    """The bulk lines of a trace document."""
    status = {"state": state, "stateReason": reason, "hiddenFault": bool(findings), "rules": [finding["rule"] for finding in findings],
              "clientSaw": "success", "edgeStatus": 200, "version": 1}  # fmt: skip
    document = {"@timestamp": at(0), "lastSeenAt": at(9), "doc": {"kind": "trace"}, "traceId": trace, "xray": {"traceId": f"1-{trace[:8]}-{trace[8:]}"},
                "transactionId": ONE, "name": "GET /orders", "serviceName": "orders", "trace": status, "missing": [], "findings": list(findings),
                "settled": True, "state": {}}  # fmt: skip
    return [{"create": {"_index": "@-traces", "_id": trace}}, document]
