"""Rule context: one rule with the trace that it runs on, and how its findings are worded."""

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
    """One rule on one trace: what a rule function works with."""

    view: TraceView
    name: str
    rule: Rule

    def of_segment(self, fact: SegmentFact, evidence: str, *, culprit: SegmentFact | None = None, requests: Iterable[str] = (),
                   seen: bool = False) -> Finding:  # fmt: skip
        """Gives a finding about a segment.

        Args:
            fact: the segment that failed, or that hides the failure.
            evidence: what happened, in a sentence.
            culprit: the segment with the exception, if that is another one.
            requests: ids of the requests whose lines show it, nearest first; those around ``fact`` if none is named.
            seen: whether the finding is about a failure that the caller saw and the trace does not show.
        """
        lines = self._lines(fact, requests)
        exception = _exception_of(culprit or fact, self.view) or _exception_in(line.text for line in lines)
        return self._finding(fact, evidence, lines, exception, seen=seen)

    def of_lines(self, signals: Sequence[SignalFact], evidence: str) -> Finding:
        """Gives a finding that log lines show, the most telling one first."""
        view = self.view
        speaker = view.speaker_of(signals[0])
        segment = view.segment_of(signals[0].request_id) if view.is_of_function(signals[0]) else None
        fact = segment or SegmentFact(id="", name=speaker, service_name=speaker)
        lines = tuple(_shown(signal) for signal in signals[:_MOST_LINES])
        finding = self._finding(fact, evidence, lines, _exception_in(signal.text for signal in signals) or _exception_of(fact, view))
        if view.state.segments or any(view.speaks_for_itself(signal) for signal in signals):
            return finding
        # nothing but lines of somebody else's log speaks of this service
        return msgspec.structs.replace(finding, severity="notice")

    def expects(self, fact: SegmentFact) -> bool:
        """Whether programs expect this failure of a call, such as a conditional check or a missing key; a 5xx never is."""
        if (fact.status or 0) >= SERVER_ERROR:
            return False
        # a cause that is an id refers to the exception of a call below
        source = fact if not fact.cause or _named(fact) else self.view.nearest_exception.get(fact.id, fact)
        return not (error_names(source) | {str(fact.status or "")}).isdisjoint(self.rule.expected)

    def expects_line(self, signal: SignalFact) -> bool:
        """Whether a line names an exception or an error code that programs expect; a status does not count, as it may be any number."""
        return any(not name.isdecimal() and name in signal.text for name in self.rule.expected)

    def lines_with(self, *kinds: str) -> Iterator[SignalFact]:
        """Gives the lines with one of these signals whose failure was neither recovered nor expected."""
        yield from (signal for signal in self.view.signals if set(kinds) & set(signal.signals) and not self.expects_line(signal))

    def by_speaker(self, signals: Iterable[SignalFact]) -> list[tuple[str, list[SignalFact]]]:
        """Groups lines by the service whose log shows them, those of two accounts apart; sorted by service."""
        found: dict[tuple[str, str], list[SignalFact]] = {}
        for signal in signals:
            found.setdefault((self.view.speaker_of(signal), signal.account), []).append(signal)
        return [(speaker, of_speaker) for (speaker, _), of_speaker in sorted(found.items())]

    def _finding(self, fact: SegmentFact, evidence: str, lines: tuple[ShownLine, ...], exception: tuple[str, str] | None, *,
                 seen: bool = False) -> Finding:  # fmt: skip
        view = self.view
        type_, message = exception or ("", "")
        return Finding(
            rule=self.name, severity=self._severity(seen=seen), service_name=view.tree.service_name(fact), span_id=fact.id,
            path=view.tree.path(fact), reported=str(fact.status or ""), evidence=evidence, client_saw=view.response.saw,
            depth=view.tree.depth(fact), exception_type=type_, exception_message=message, lines=lines,
            unknown=tuple(_unknown(view)),
        )  # fmt: skip

    def _severity(self, *, seen: bool) -> FindingSeverity:
        """The rule's severity, but a notice if the caller saw the failure and the finding is not about that."""
        return "notice" if self.view.response.saw == "error" and not seen else self.rule.severity

    def _lines(self, fact: SegmentFact, requests: Iterable[str]) -> tuple[ShownLine, ...]:
        """The lines of the first of these requests that wrote any; if none is named, of the nearest one around ``fact``."""
        named = tuple(requests)
        own = next((lines for request_id in named if (lines := self.view.by_request.get(request_id))), [])
        return tuple(_shown(signal) for signal in (own if named else self.view.lines_around(fact))[:_MOST_LINES])


def what_happened(fact: SegmentFact, view: TraceView) -> str:
    """Describes a failure by the exception of ``fact`` or the nearest one below it, else by its status or its flags."""
    if exception := _exception_of(fact, view):
        return ": ".join(filter(None, exception))
    flags = " and ".join(name for name in ("fault", "error", "throttle") if getattr(fact, name))
    return f"status {fact.status}" if (fact.status or 0) >= CLIENT_ERROR else f"marked as {flags or 'failed'}, without a cause"


def in_short(signal: SignalFact) -> str:
    """Gives the text of a log line's first line, or of a traceback's last line, cut to a fixed length."""
    said = [line.strip() for line in signal.text.splitlines() if line.strip()]
    if not said:
        return "a log line says so"
    best = said[-1] if said[0].startswith("Traceback") else said[0]
    return " ".join(best.split())[:_LONGEST_LINE]


def _shown(signal: SignalFact) -> ShownLine:
    return ShownLine(at=signal.at, id=signal.line_id, service_name=signal.service_name, text=in_short(signal), log_group=signal.log_group,
                     account=signal.account)  # fmt: skip


def _named(fact: SegmentFact) -> bool:
    return bool(fact.exception_type or fact.exception_message)


def _exception_of(fact: SegmentFact, view: TraceView) -> tuple[str, str] | None:
    named = view.nearest_exception.get(fact.id)
    return (named.exception_type, named.exception_message) if named else None


def _exception_in(texts: Iterable[str]) -> tuple[str, str] | None:
    """The type and the message of the first exception that these texts name."""
    for text in texts:
        if match := _EXCEPTION.search(text):
            message = match["message"] or (named["message"] if (named := _MESSAGE.search(text)) else "")
            return match["type"] or match["name"] or "", " ".join(message.split())
    return None


def _unknown(view: TraceView) -> Iterator[str]:
    """What is unknown of the trace, a phrase each."""
    completeness = view.completeness
    if not view.state.segments:
        yield completeness.reason
    elif completeness.state != "complete":
        yield from completeness.missing[:_MOST_UNKNOWN] or (completeness.reason,)
    if view.response.saw == "unknown":
        yield "what the caller was told"
