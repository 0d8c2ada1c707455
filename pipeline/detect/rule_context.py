"""Case: one rule's look at a trace, and how it words what it finds."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from pipeline.detect.rule import Rule
from pipeline.detect.segment_outcome import CLIENT_ERROR, SERVER_ERROR, error_names
from pipeline.detect.trace_view import TraceView
from pipeline.detect.verdict import Finding, FindingSeverity, ShownLine
from pipeline.model.facts import SegmentFact, SignalFact

_MOST_LINES: Final = 3
_LONGEST_LINE: Final = 300
_MOST_UNKNOWN: Final = 5
# "ValueError: no stock", "errorType":"Error","errorMessage":"no stock", "Error Type: Runtime.OutOfMemory"
_EXCEPTION = re.compile(
    r"""(?:errorType|exception_name|Error Type)[\\"']{0,4}\s{0,4}:\s{0,4}[\\"']{0,4}(?P<type>[\w.$]{1,120})"""
    r"""|(?P<name>\b(?:[a-z_]\w{0,40}\.){0,5}(?:[A-Z]\w{0,80}?(?:Error|Exception|Exit|Failure|Fault|Timeout)|Error(?=: )))\b"""
    r"""(?::\s{0,4}(?P<message>[^\n|]{1,300}))?"""
)
_MESSAGE = re.compile(r"""errorMessage[\\"']{1,4}\s{0,4}:\s{0,4}[\\"']{1,4}(?P<message>[^\\"']{1,300})""")


class RuleContext(msgspec.Struct, frozen=True):
    """One rule on one trace."""

    scene: TraceView
    name: str
    rule: Rule

    def of_segment(self, fact: SegmentFact, evidence: str, *, culprit: SegmentFact | None = None, requests: Iterable[str] = (),
                   seen: bool = False) -> Finding:  # fmt: skip
        """A finding about a segment.

        Args:
            fact: what hides the failure, or failed.
            evidence: what happened, in a sentence.
            culprit: whose exception it is, where that is another segment.
            requests: the requests whose lines show it, the nearest first; those of ``fact`` otherwise.
            seen: the finding is about what the caller saw and the trace does not show.
        """
        lines = self._lines(fact, requests)
        exception = _exception_of(culprit or fact, self.scene) or _exception_in(line.text for line in lines)
        return self._finding(fact, evidence, lines, exception, seen=seen)

    def of_lines(self, signals: Sequence[SignalFact], evidence: str) -> Finding:
        """A finding that log lines show."""
        first = signals[0]
        fact = self.scene.segment_of(first.request_id) or SegmentFact(id="", name=first.service_name, service_name=first.service_name)
        lines = tuple(_shown(signal) for signal in signals[:_MOST_LINES])
        return self._finding(fact, evidence, lines, _exception_in(signal.text for signal in signals) or _exception_of(fact, self.scene))

    def expects(self, fact: SegmentFact) -> bool:
        """Whether a failed call is one that programs expect: a conditional check, a missing key. Never a 5xx."""
        if (fact.status or 0) >= SERVER_ERROR:
            return False
        # a cause that is an id is the exception of a call below, which came through
        source = fact if not fact.cause or _named(fact) else self.scene.nearest_exception.get(fact.id, fact)
        return not (error_names(source) | {str(fact.status or "")}).isdisjoint(self.rule.expected)

    def expects_line(self, signal: SignalFact) -> bool:
        """Whether a line names an exception or an error code that programs expect; a status alone may be any number."""
        return any(not name.isdecimal() and name in signal.text for name in self.rule.expected)

    def lines_with(self, *kinds: str) -> Iterator[SignalFact]:
        """The lines that have one of these signals, that nothing made good again and nobody expects."""
        yield from (signal for signal in self.scene.signals if set(kinds) & set(signal.signals) and not self.expects_line(signal))

    def _finding(self, fact: SegmentFact, evidence: str, lines: tuple[ShownLine, ...], exception: tuple[str, str] | None, *,
                 seen: bool = False) -> Finding:  # fmt: skip
        scene = self.scene
        type_, message = exception or ("", "")
        return Finding(
            rule=self.name, severity=self._severity(seen=seen), service_name=scene.tree.service_name(fact), span_id=fact.id,
            path=scene.tree.path(fact), reported=str(fact.status or ""), evidence=evidence, client_saw=scene.told.saw,
            depth=scene.tree.depth(fact), exception_type=type_, exception_message=message, lines=lines,
            unknown=tuple(_unknown(scene)),
        )  # fmt: skip

    def _severity(self, *, seen: bool) -> FindingSeverity:
        """As the rule says; what the caller plainly saw is hidden from nobody, unless the finding is about just that."""
        return "notice" if self.scene.told.saw == "error" and not seen else self.rule.severity

    def _lines(self, fact: SegmentFact, requests: Iterable[str]) -> tuple[ShownLine, ...]:
        """The lines of the first of these requests that wrote any; where none is named, of the nearest one around ``fact``."""
        named = tuple(requests)
        own = next((lines for request_id in named if (lines := self.scene.by_request.get(request_id))), [])
        return tuple(_shown(signal) for signal in (own if named else self.scene.lines_around(fact))[:_MOST_LINES])


def what_happened(fact: SegmentFact, scene: TraceView) -> str:
    """The exception of ``fact``, or of the nearest one below it that has any; else its status or its flags."""
    if exception := _exception_of(fact, scene):
        return ": ".join(filter(None, exception))
    flags = " and ".join(name for name in ("fault", "error", "throttle") if getattr(fact, name))
    return f"status {fact.status}" if (fact.status or 0) >= CLIENT_ERROR else f"marked as {flags or 'failed'}, without a cause"


def by_service(signals: Iterable[SignalFact]) -> list[tuple[str, list[SignalFact]]]:
    """Lines by the service that wrote them, or the log where none is named, in a fixed order."""
    found: dict[str, list[SignalFact]] = {}
    for signal in signals:
        found.setdefault(signal.service_name or "the log", []).append(signal)
    return sorted(found.items())


def in_short(signal: SignalFact) -> str:
    """What a line says, on one line: its first one, and of a traceback that begins with these words the last."""
    said = [line.strip() for line in signal.text.splitlines() if line.strip()]
    if not said:
        return "a log line says so"
    best = said[-1] if said[0].startswith("Traceback") else said[0]
    return " ".join(best.split())[:_LONGEST_LINE]


def _shown(signal: SignalFact) -> ShownLine:
    return ShownLine(at=signal.at, id=signal.line_id, service_name=signal.service_name, text=in_short(signal))


def _named(fact: SegmentFact) -> bool:
    return bool(fact.exception_type or fact.exception_message)


def _exception_of(fact: SegmentFact, scene: TraceView) -> tuple[str, str] | None:
    named = scene.nearest_exception.get(fact.id)
    return (named.exception_type, named.exception_message) if named else None


def _exception_in(texts: Iterable[str]) -> tuple[str, str] | None:
    """The exception that one of these lines names."""
    for text in texts:
        if match := _EXCEPTION.search(text):
            message = match["message"] or (told["message"] if (told := _MESSAGE.search(text)) else "")
            return match["type"] or match["name"] or "", " ".join(message.split())
    return None


def _unknown(scene: TraceView) -> Iterator[str]:
    """What could not be known."""
    standing = scene.standing
    if not scene.state.segments:
        yield standing.reason
    elif standing.state != "complete":
        yield from standing.missing[:_MOST_UNKNOWN] or (standing.reason,)
    if scene.told.saw == "unknown":
        yield "what the caller was told"
