"""Levels of text lines in the forms of loggers, servers and syslog."""

import pytest

from pipeline.logs.extract.read_lines import extract
from tests.support.events import REQUEST


@pytest.mark.parametrize(("message", "severity", "is_error"), [
    # .NET's console, winston, Python's basic format
    ("fail: Payments.Worker[14]\n      card refused", "FAIL", True), ("warn: Shop.Api[3]\n      slow", "WARN", False),
    ("trce: Shop[0]\n      x", "TRCE", False), ("2026-11-20T10:00:00.000Z [payments] warn: slow", "WARN", False),
    ("11/20/2026, 10:00:00 AM error: refused", "ERROR", True), ("CRITICAL:app.db:gone", "CRITICAL", True), ("Warning: slow", "WARNING", False),
    # brackets: nginx, Apache, Envoy, structlog, winston
    ("2026/11/20 10:00:00 [emerg] 1#1: bind() failed", "EMERG", True), ("2026/11/20 10:00:00 [notice] 1#1: start worker", "NOTICE", False),
    ("[Fri Nov 20 10:00:00.123 2026] [core:error] [pid 1] AH001: refused", "ERROR", True),
    ("[2026-11-20 10:00:00.123][8][critical][main] assert", "CRITICAL", True),
    ("2026-11-20 10:00:00 [warning  ] retrying    attempt=2", "WARNING", False),
    ("\x1b[2m2026-11-20 10:00:00\x1b[0m [\x1b[31m\x1b[1mcritical \x1b[0m] gone", "CRITICAL", True),
    ("2026-11-20T10:00:00.000Z [\x1b[31merror\x1b[39m]: refused", "ERROR", True),
    # logfmt, log15, logrus, zerolog, Serilog, zap
    ('t=2026-11-20T10:00:00+0000 lvl=eror msg="gone"', "EROR", True), ('time="x" level=warning msg="error quota near"', "WARNING", False),
    ("EROR[11-20|10:00:00] block refused", "EROR", True), ("ERRO[0003] refused   order=1", "ERRO", True), ("INFO[0003] started", "INFO", False),
    ("3:04PM FTL cannot listen", "FTL", True), ("[22:15:03 WRN] slow", "WRN", False),
    ("1.7951688e+09\terror\tx.go:7\tslow", "ERROR", True),
    # klog, syslog, java.util.logging, Postgres, MySQL
    ("W0412 09:12:44.123456   12345 controller.go:114] no ERROR", "WARNING", False), ("F0412 09:12:44.1   1 main.go:10] gone", "FATAL", True),
    ("<3>orders[12]: refused", "ERROR", True), ("<14>1 2026-11-20T10:00:00Z h app - - - ERROR budget is fine", "INFO", False),
    (f"Nov 20, 2026 10:00:00 AM com.shop.{'orders.' * 20}Handler handle\nSEVERE: gone", "SEVERE", True),
    ("2026-11-20 10:00:00 UTC:10.0.0.1(5000):app@shop:[1]:PANIC:  gone", "PANIC", True),
    ("2026-11-20T10:00:00.1Z 9 [Note] [MY-1] [Server] got an error reading", "NOTE", False),
    (f"2026-11-20 10:00:00,123 {REQUEST} ERROR app.H - refused", "ERROR", True), ("PHP Warning:  Undefined variable $x", "WARNING", False),
])  # fmt: skip
def test_levels_of_text(message, severity, is_error):
    """Each form gives its writer's word in capitals; the level at the beginning counts more than a word in the message."""
    line = extract(message)
    assert (line.severity.text, "error" in line.signals) == (severity, is_error)


@pytest.mark.parametrize("message", [
    "there was an error in the parser", "an ERROR occurred earlier and was handled", "errors: 0, warnings: 2", "completed without errors",
    "error rate: 0.0%", "GET /a?level=error&x=1 200", "the alert handler: installed", "2026-11-20T10:00:00.1Z 0 [System] [MY-010116] starting",
])  # fmt: skip
def test_prose_has_no_level(message):
    """A word of a level in a sentence, a path or a count is none."""
    line = extract(message)
    assert (line.severity, line.signals) == (None, ())


def test_a_runtimes_level_stays():
    """What Lambda's runtime says of a line counts more than a word in the message."""
    assert extract(f"2026-11-20T10:00:00.000Z\t{REQUEST}\tINFO\tgot [error] and level=error").severity.text == "INFO"
