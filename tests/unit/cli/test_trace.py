"""The page of `tracejoin trace --html`, whatever others logged."""

import io
from importlib import import_module

from rich.console import Console

from pipeline.cli.context import CommandContext
from pipeline.join.transactions import Transaction
from pipeline.settings import Settings

command = import_module("pipeline.cli.trace")


def test_a_page_of_odd_documents(monkeypatch, tmp_path):
    """A reason with markup in it, HTML in a line and half a surrogate pair: the picture is drawn and the page is written, with nothing to act."""
    common = {"traceId": "0" * 32, "serviceName": "s", "@timestamp": "2026-01-01T00:00:00.000Z",
              "trace": {"state": "partial", "stateReason": "[/] is still open."}}  # fmt: skip
    found = [
        {**common, "doc": {"kind": "span"}, "spanId": "1" * 16, "name": "[/]", "status": {"code": 2}},
        {**common, "doc": {"kind": "log"}, "body": "<script>x</script> \ud800"},
    ]
    monkeypatch.setattr(command, "transaction", lambda _id, _store: found)
    monkeypatch.setattr(command, "transaction_of", lambda _ids, _store: Transaction(trace_ids=("0" * 32,)))
    monkeypatch.setattr(command, "verdicts", lambda _found, _store: [])
    monkeypatch.setattr(CommandContext, "store", lambda _: None)
    page = tmp_path / "page.html"
    app = CommandContext(Settings(), console=Console(file=io.StringIO()))
    assert command.trace.main(["1", "--html", str(page)], standalone_mode=False, obj=app) == 0
    assert "is still open" in page.read_text(encoding="utf-8")
    assert "<script>" not in page.read_text(encoding="utf-8")
