"""Output: alert messages, terminal text and CSV, made of what anybody may have logged."""

import csv
import io
import re
from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar, Final

from fuzz.steering import steering
from fuzz.target import Input, Target, hold
from pipeline.alert.grouping import Notification, PendingAlert
from pipeline.alert.message import ConsoleLinks, message_of
from pipeline.alert.quotation import neutral, quoted
from pipeline.cli.csv_output import csv_lines
from pipeline.cli.terminal_text import one_line, terminal_safe
from pipeline.model.json_values import as_text

_TRACE: Final = "5759e988bd862e3fe1be46a994272793"
_LINKS: Final = ConsoleLinks("eu-west-1", "https://search.example/_dashboards")
_NOW: Final = 1_790_000_000_000
_OURS: Final = ("look at it", "and why", "OpenSearch", "X-Ray", "all of them")
# what is cut ends with an ellipsis
_ACTS: Final = re.compile(r"https?:|(?<!hxxp)(?<!hxxps)://|\.[^\W\d_]|@(?![\]…])|[<>&*~`\n]|\]\(|\]\[|\d+\.\d+\.\d+\.\d+", re.IGNORECASE)
_FIELDS: Final = ("group", "service", "path", "evidence", "type", "exception", "line", "log group", "unknown")
_HOSTILE: Final = (
    "http://evil.example/login www.evil.example 10.0.0.1:80 mailto:a@evil.example <!channel> <@U1> @here *b* `c` [x](y) &lt; “q”",
    "\x1b[31m\x1b[2J\x1b]0;title\x07\x1b]8;;http://evil.example\x1b\\link\x9b31m", "\u202eabc\u2066\u200b\ufeff\u2028", "fine\rEVIL",
    '=HYPERLINK("http://evil.example")', "+1;=2", "\t@SUM(1)", "ｈｔｔｐ：／／ｅｖｉｌ．ｃｏｍ", "evil。com", "[bold]x[/] :bomb:",
    "javascript:alert(1)", r"\\evil\share",
)  # fmt: skip
_FORMULA: Final = tuple("=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b")


class Alerts(Target):
    """Notifications whose every name and text comes from others."""

    name: ClassVar[str] = "alerts"

    def __init__(self, texts: Sequence[str], pieces: Sequence[str]) -> None:
        super().__init__([*_HOSTILE * 20, *texts], [*_HOSTILE, *pieces])

    def make(self, random: Random) -> Input:
        """The texts of a notification by field, about one trace or two."""
        return {"alone": bool(random.randrange(2)), **{name: self.mutator.mutated(random) for name in random.sample(_FIELDS, 3)}}

    def of_text(self, text: str) -> Input:
        """A notification with the same text in every field."""
        return {"alone": True, **dict.fromkeys(_FIELDS, text)}

    def check(self, given: Input) -> None:
        """Only our own links and commands work, the subject is what SNS takes, nothing steers a terminal, a quotation stays closed."""
        texts = {name: as_text(given.get(name, "orders")) for name in _FIELDS}
        alerts = _alerts(texts["group"], 1 if given["alone"] else 2)
        message = message_of(Notification(texts["group"], alerts), {_TRACE: _trace(texts)}, _LINKS)
        hold("nothing steers", steering(message.text + message.subject + message.attributes["service"]) == [])
        rows = message.text.splitlines()
        theirs = [row for row in rows if not row.startswith(_OURS)]
        hold("nothing of others acts", not any(map(_ACTS.search, theirs)))
        hold("a subject is what SNS takes", message.subject.isascii() and message.subject.isprintable() and len(message.subject) < 100)
        for text in set(texts.values()):
            inside = quoted(text, 100)
            hold("a quotation is short and closed", len(inside) <= 100 and not re.search("[“”]", inside[1:-1]))
            name = neutral(text, 40)
            hold("a name is short and one line", len(name) <= 40 and "\n" not in name)


class Terminal(Target):
    """Texts that are printed in a terminal or exported as CSV."""

    name: ClassVar[str] = "terminal"

    def __init__(self, texts: Sequence[str], pieces: Sequence[str]) -> None:
        super().__init__([*_HOSTILE * 20, *texts], [*_HOSTILE, *pieces])
        csv.field_size_limit(1 << 30)

    def check(self, given: Input) -> None:
        """Nothing steers a terminal, cleaning twice changes nothing, and no cell is a formula."""
        shown = terminal_safe(given)
        hold("nothing steers", steering(shown) == [])
        hold("cleaning twice changes nothing", terminal_safe(shown) == shown)
        hold("one line is one line", not re.search(r"[\n\r\v\f\x85\u2028\u2029]", one_line(given)) and steering(one_line(given)) == [])
        document = {"doc": {"kind": "log"}, "body": given, "attributes": {"a": given}}
        written = csv_lines([document], ("body-or-name", "attributes"), header=False).decode()
        hold("nothing steers in CSV", steering(written) == [])
        rows = list(csv.reader(io.StringIO(written, newline="")))
        hold("CSV has one row of two cells", len(rows) == 1 and len(rows[0]) == 2)
        # the apostrophe of the cell stands before the tabs that begin a text
        for part in re.split(r"[;\t\n]", re.sub(r"\A'\t+", "'", rows[0][0])):
            hold("no cell is a formula", not part.lstrip(' "').startswith(_FORMULA))


def _alerts(group: str, number: int) -> tuple[PendingAlert, ...]:
    return tuple(
        PendingAlert(at=f"2026-11-24T10:00:0{second}.000Z", trace_id=_TRACE, group=group, rules=("timeout",)) for second in range(number)
    )


def _trace(texts: dict[str, str]) -> dict[str, Any]:
    """A stored trace document with these texts."""
    line = {"at": _NOW, "id": "a", "serviceName": texts["service"], "text": texts["line"], "logGroup": texts["log group"], "account": "1"}
    finding = {"rule": "timeout", "severity": "alert", "serviceName": texts["service"], "spanId": "1" * 16, "path": [texts["path"]],
    "reported": "200",
               "evidence": texts["evidence"], "clientSaw": "success", "depth": 1, "exceptionType": texts["type"],
               "exceptionMessage": texts["exception"], "unknown": [texts["unknown"]], "lines": [line]}  # fmt: skip
    return {"traceId": _TRACE, "@timestamp": "2026-11-24T10:00:00.000Z", "lastSeenAt": "2026-11-24T10:00:05.000Z", "transactionId": _TRACE,
            "trace": {"clientSaw": "success", "edgeStatus": 201}, "findings": [finding]}  # fmt: skip
