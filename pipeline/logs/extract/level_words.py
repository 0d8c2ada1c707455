"""Level words: finds the level of a text line that no runtime of Lambda wrote, in the forms of loggers, servers and syslog.

It is imported only for marked lines, since most text lines have the prefix of a runtime, or a level in capitals, or none.
Sources: klog's and glog's header, RFC 5424 (PRI), nginx' and Apache's error log, PostgreSQL's and MySQL's error log, .NET's console logger,
java.util.logging's SimpleFormatter, and the console forms of zerolog, Serilog, logrus, log15, winston, structlog.
"""

import re
from typing import Final

from pipeline.logs.extract.log_line import Severity
from pipeline.logs.extract.severity import is_prose, read_severity

_WORDS = (
    "trace|trce|trac|trc|verbose|vrb|debug|debu|dbug|dbg|information|info|inf|notice|warning|warn|wrn|error|erro|eror|err|fail|severe|critical|"
    "crit|dpanic|alert|fatal|fata|ftl|panic|pani|pnc|emergency|emerg"
)
_KLOG = re.compile(r"([DIWEF])\d{4} \d\d:\d\d:\d\d[.\s]", re.ASCII)
_KLOG_LEVELS: Final = {"D": "DEBUG", "I": "INFO", "W": "WARNING", "E": "ERROR", "F": "FATAL"}
_SYSLOG = re.compile(r"<(\d{1,3})>", re.ASCII)
_HIGHEST_PRIORITY = 191
_JAVA = re.compile(r"[A-Z][a-z]{2} \d{1,2}, \d{4} [^\n\r]{0,400}[\n\r]{1,2}(SEVERE|WARNING|INFO|CONFIG|FINE|FINER|FINEST):")
# a time, a label in brackets, then the word and a colon, such as .NET's `fail: Orders[0]` or `2026-11-20 10:00:00 [api] error: no stock`
_AT_START = re.compile(
    rf"\s{{0,4}}(?:PHP )?(?:[\[(]?\d[\d:/.,TZ+ -]{{4,40}}(?:[AP]M)?[\])]?[\s|-]{{0,4}})?(?:\[[\w .:-]{{1,40}}\] ?)?({_WORDS})\]?"
    r"\s{0,8}[:\[](?!:)",
    re.IGNORECASE | re.ASCII,
)
_MARKED = re.compile(
    rf"[\[<](?:\w{{1,20}}:)?\s{{0,2}}(?P<bracket>{_WORDS}|note)\s{{0,9}}[\]>]"
    rf"|(?:^|[\s\[{{(,;|])(?:log[._-]?)?(?:level|lvl|levelname|severity)\s?[=:]\s?[\"']?(?P<value>{_WORDS})(?![\w-])"
    rf"|\t(?P<column>{_WORDS})\t",
    re.IGNORECASE | re.ASCII,
)
_SHORT = re.compile(
    r"(?:^|[\s\[|])(?P<short>TRC|VRB|DBG|INF|WRN|ERR|ERRO|EROR|FTL|FATA|PNC)(?=[\s\]|:\[]|$)"
    r"|(?:^|[\s\[|:\]])(?P<named>LOG|CRIT|PANIC|ALERT|EMERG)(?=[:\]])"
)
_CAPITALS = re.compile(r"\b(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|SEVERE|CRITICAL|FATAL)\b")
_COLOUR = re.compile(r"\x1b\[[\d;]{0,20}m")
_HEAD, _START = 600, 160
# RFC 5424, table 2
SYSLOG_LEVELS: Final = ("EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG")


def find_level(message: str) -> Severity | None:
    """The severity that the beginning of ``message`` names in one of the forms above or as a word in capitals; None if there is none."""
    head = _COLOUR.sub("", message[:_HEAD])
    if match := _KLOG.match(head):
        return read_severity(_KLOG_LEVELS[match[1]])
    if (match := _SYSLOG.match(head)) and int(match[1]) <= _HIGHEST_PRIORITY:
        return read_severity(SYSLOG_LEVELS[int(match[1]) & 7])
    if (match := _JAVA.match(head)) or (match := _AT_START.match(head)):
        return read_severity(match[1])
    start = head[:_START]
    found = [match for expression in (_MARKED, _SHORT, _CAPITALS) if (match := expression.search(start))]
    if found and found[-1].re is _CAPITALS and is_prose(start[: found[-1].start()]):
        del found[-1]
    if not found:
        return None
    first = min(found, key=lambda match: match.start(match.lastindex or 0))
    return read_severity(first[first.lastindex or 0])
