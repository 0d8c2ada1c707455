"""Evidence in a terminal: whatever others logged, it is shown, and steers nothing."""

import io
from importlib import import_module

import msgspec
import pytest
from rich.console import Console

from pipeline.cli.context import CommandContext
from pipeline.cli.findings_table import faults_table
from pipeline.detect.verdict import Finding, ShownLine
from pipeline.join.transactions import Transaction
from pipeline.settings import Settings

command = import_module("pipeline.cli.trace")

ODD = ["[bold]x[/] [/] [link=x]y[/link]", "\x1b[31mred\x1b]0;title\x07 \x9b31m \x08 over", "\u202egnp.exe \u2066a", "<b>", "\ud800 half", "tail\\",
       "nul\0 nel\x85 ls\u2028", "a" * 5000]  # fmt: skip


def shown(finding: dict) -> str:
    """A trace with this finding, as a terminal without colours gets it."""
    with io.StringIO() as out:
        trace = {"trace": {"clientSaw": "success"}, "xray": {"traceId": "1-x"}, "name": finding["evidence"], "findings": [finding]}
        Console(file=out, width=120).print(faults_table([trace]))
        return out.getvalue()


@pytest.mark.parametrize("text", ODD)
def test_what_others_logged_steers_nothing(text):
    """No control, no mark of direction, no markup is left to act, and UTF-8 can hold it; a time that is none is left out."""
    line = ShownLine(at=10**18, id="1", service_name=text, text=text)
    finding = Finding(rule="crash", severity="alert", service_name=text, span_id="1" * 16, path=(text,), reported="200", evidence=text,
                      client_saw="success", exception_type=text, exception_message=text, lines=(line,), unknown=(text,))  # fmt: skip
    told = shown(msgspec.to_builtins(finding))
    told.encode()
    assert not [character for character in told if not (character.isprintable() or character in "\n ")]
    if text.isprintable() and len(text) < 100:
        assert told.count(text) >= 7


def test_a_finding_that_an_older_version_stored():
    """Without depth, exception, lines and what was not known."""
    old = {"rule": "crash", "severity": "alert", "serviceName": "s", "spanId": "", "path": ["a"], "reported": "", "evidence": "it died",
           "clientSaw": "unknown"}  # fmt: skip
    assert "it died" in shown(old)


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
