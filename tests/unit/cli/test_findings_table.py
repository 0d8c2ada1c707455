"""Evidence in a terminal: whatever others logged, it is shown, and steers nothing."""

import io

import msgspec
import pytest
from rich.console import Console

from pipeline.cli.findings_table import faults_table
from pipeline.detect.verdict import Finding, ShownLine

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
