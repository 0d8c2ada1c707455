"""Failures: groups the findings of one failure. Up to four rules find a function that fails behind a call."""

from collections.abc import Callable, Iterable, Iterator
from datetime import tzinfo
from typing import Final

import msgspec

from pipeline.detect.verdict import Finding, ShownLine
from pipeline.model.clock_times import clock_time

_MOST_LINES: Final = 5
_OF_THE_PLATFORM: Final = frozenset({"timeout", "out-of-memory", "crash"})
_QUOTES: Final = str.maketrans("“”", '""')
_Mark = tuple[str, ...]


class Failure(msgspec.Struct, frozen=True):
    """One failure: its findings, the one that says most about the cause first."""

    findings: tuple[Finding, ...]

    @property
    def lead(self) -> Finding:
        """The finding whose evidence is shown."""
        return self.findings[0]

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that fired, in the order of the findings."""
        return tuple(dict.fromkeys(finding.rule for finding in self.findings))

    @property
    def alert(self) -> bool:
        """Whether the failure is hidden: one of its findings is an alert."""
        return any(finding.severity == "alert" for finding in self.findings)

    @property
    def deepest(self) -> Finding:
        """The deepest finding, which says where the failure happened."""
        return max(self.findings, key=lambda finding: finding.depth)

    @property
    def lines(self) -> tuple[ShownLine, ...]:
        """The first log lines that show the failure, in time order."""
        return tuple(sorted({line for finding in self.findings for line in finding.lines})[:_MOST_LINES])

    @property
    def unknown(self) -> tuple[str, ...]:
        """What was unknown when the findings were made, a phrase each."""
        return tuple(dict.fromkeys(phrase for finding in self.findings for phrase in finding.unknown))


def group_failures(findings: Iterable[Finding]) -> list[Failure]:
    """Groups a trace's findings that name the same exception, span or line; gives alerts first, then the deepest failures."""
    groups: list[tuple[set[_Mark], list[Finding]]] = []
    for finding in sorted(findings, key=_weight):
        marks, members = set(_marks(finding)), [finding]
        for group in [group for group in groups if group[0] & marks]:
            groups.remove(group)
            marks |= group[0]
            members += group[1]
        groups.append((marks, members))
    failures = (Failure(tuple(sorted(members, key=_weight))) for _, members in groups)
    return sorted(failures, key=lambda failure: (not failure.alert, -failure.deepest.depth, failure.lead))


def _marks(finding: Finding) -> Iterator[_Mark]:
    if finding.exception_type or finding.exception_message:
        yield "exception", finding.exception_type, finding.exception_message
    elif finding.span_id:
        # without an exception the path tells: a function and the service that runs it share it; a throttle is a failure of its own
        yield "path", str(finding.rule == "throttled-downstream"), *finding.path
    yield from (("line", line.id) for line in finding.lines)
    yield "span", finding.span_id or f"{finding.rule} {finding.evidence}"


def _weight(finding: Finding) -> tuple[object, ...]:
    """The sort key that puts first what says most about the cause: the platform, an exception, a segment rather than a line alone."""
    nameless = not (finding.exception_type or finding.exception_message)
    return (finding.severity != "alert", finding.rule not in _OF_THE_PLATFORM, nameless, finding.rule.endswith("-log"), -finding.depth,
            finding)  # fmt: skip


def in_quotes(text: str) -> str:
    """``text`` between quotation marks that nothing inside can close."""
    return f"“{text.translate(_QUOTES)}”"


def describe_failure(failure: Failure, *, zone: tzinfo | None = None, named: Callable[[str], str] = str,
                     quoted: Callable[[str], str] = in_quotes) -> Iterator[tuple[str, str]]:  # fmt: skip
    """Describes a failure in pairs of a heading and its text, in the order of reading.

    Args:
        failure: what is described.
        zone: the time zone of the lines' times; None for this computer's own.
        named: makes names, and sentences that hold names, fit for where they are shown.
        quoted: marks what a log line or an exception says as a quotation.
    """
    lead, deepest = failure.lead, failure.deepest
    # a rule's own words end with a colon, behind which it quotes
    statement, colon, quotation = lead.evidence.partition(": ")
    yield ("alert" if failure.alert else "notice"), f"{named(statement)}{colon}{quoted(quotation) if quotation else ''}"
    yield "rules", ", ".join(map(named, failure.rules))
    if deepest.path:
        span = f", span {deepest.span_id}" if deepest.span_id else ""
        yield "where", f"{' › '.join(map(named, deepest.path))} (depth {deepest.depth}{named(span)})"
    if lead.exception_type or lead.exception_message:
        yield "exception", quoted(": ".join(filter(None, (lead.exception_type, lead.exception_message))))
    yield from (("line", f"{_time(line, zone)}{named(_origin(line))}  {quoted(line.text)}".strip()) for line in failure.lines)
    yield from (("not known", named(phrase)) for phrase in failure.unknown)


def describe_response(client_saw: str | None, status: int | None) -> str:
    """Says in a sentence what the caller of a trace's entry was answered."""
    if client_saw in {None, "unknown"}:
        return "what the caller was told is not known"
    return f"the caller was told {status or client_saw}"


def _origin(line: ShownLine) -> str:
    """Where a line stands; of a finding that an older version stored, what the line calls itself."""
    account = f" in account {line.account}" if line.account else ""
    return f"{line.log_group or line.service_name}{account}"


def _time(line: ShownLine, zone: tzinfo | None) -> str:
    return f"{time}  " if line.at > 0 and (time := clock_time(line.at, zone).time) else ""
