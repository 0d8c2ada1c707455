"""Payloads of alerts, for tests."""

from pipeline.alert.payload import AlertPayload, Link

ID = "5759e988bd862e3fe1be46a994272793-timeout"


def payload(**more):
    """What an alert of one trace tells."""
    return AlertPayload(**{
        "id": ID, "title": "stock: ValueError behind 200", "service": "stock", "rules": ("timeout",), "entry": "api/prod",
        "answered": "the caller was told 200", "happened": "Lambda answered 200, but the function stock failed", "exception": "ValueError: no stock",
        "first_seen": "2026-11-24T10:00:00.000Z", "last_seen": "2026-11-24T10:00:05.000Z", "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
        "line": "[ERROR] no stock", "line_at": "2026-11-24T10:00:01.000Z", "line_origin": "/aws/lambda/stock in account 123456789012",
        "next_steps": ("tracejoin trace 1-5759e988-bd862e3fe1be46a994272793",),
        "links": (Link("page", "https://traces.example/transaction/1-5759e988-bd862e3fe1be46a994272793"),)} | more)  # fmt: skip
