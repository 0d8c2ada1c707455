"""Stories: findings that tell of one failure, put together. A function that fails behind a call is seen by up to four rules."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from pipeline.detect.verdict import Finding, ShownLine

_MOST_LINES: Final = 5
_OF_THE_PLATFORM: Final = frozenset({"timeout", "out-of-memory", "crash"})
# the year 9999, less the widest time zone; what is later is no time
_END_OF_TIME: Final = 253_402_214_400_000
_Mark = tuple[str, ...]


class Failure(msgspec.Struct, frozen=True):
    """One failure: the findings that tell of it, that which says most about its cause first."""

    findings: tuple[Finding, ...]

    @property
    def lead(self) -> Finding:
        """The finding whose words are shown."""
        return self.findings[0]

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that fired, in the order of the findings."""
        return tuple(dict.fromkeys(finding.rule for finding in self.findings))

    @property
    def alert(self) -> bool:
        """Whether nobody was told."""
        return any(finding.severity == "alert" for finding in self.findings)

    @property
    def deepest(self) -> Finding:
        """Where it failed."""
        return max(self.findings, key=lambda finding: finding.depth)

    @property
    def lines(self) -> tuple[ShownLine, ...]:
        """The log lines that show it, in time order."""
        return tuple(sorted({line for finding in self.findings for line in finding.lines})[:_MOST_LINES])

    @property
    def unknown(self) -> tuple[str, ...]:
        """What was not known when it was judged."""
        return tuple(dict.fromkeys(phrase for finding in self.findings for phrase in finding.unknown))


def group_failures(findings: Iterable[Finding]) -> list[Failure]:
    """The findings of one trace, put together where they name one exception, one span or one line; alerts first, then the deepest."""
    groups: list[tuple[set[_Mark], list[Finding]]] = []
    for finding in sorted(findings, key=_weight):
        marks, members = set(_marks(finding)), [finding]
        for group in [group for group in groups if group[0] & marks]:
            groups.remove(group)
            marks |= group[0]
            members += group[1]
        groups.append((marks, members))
    told = (Failure(tuple(sorted(members, key=_weight))) for _, members in groups)
    return sorted(told, key=lambda story: (not story.alert, -story.deepest.depth, story.lead))


def _marks(finding: Finding) -> Iterator[_Mark]:
    if finding.exception_type or finding.exception_message:
        yield "exception", finding.exception_type, finding.exception_message
    elif finding.span_id:
        # what nobody names is the same where it is at the same place, as a function and the service that runs it; a refusal is no failure
        yield "path", str(finding.rule == "throttled-downstream"), *finding.path
    yield from (("line", line.id) for line in finding.lines)
    yield "span", finding.span_id or f"{finding.rule} {finding.evidence}"


def _weight(finding: Finding) -> tuple[object, ...]:
    """The finding that says most about the cause first: what the platform says, an exception, a segment rather than a line alone."""
    nameless = not (finding.exception_type or finding.exception_message)
    return (finding.severity != "alert", finding.rule not in _OF_THE_PLATFORM, nameless, finding.rule.endswith("-log"), -finding.depth,
            finding)  # fmt: skip


def describe_failure(story: Failure, *, utc: bool = False) -> Iterator[tuple[str, str]]:
    """A failure as pairs of a word and what is to be said under it, in the order in which one asks; times are UTC, or this computer's."""
    lead, deepest = story.lead, story.deepest
    yield ("alert" if story.alert else "notice"), lead.evidence
    yield "rules", ", ".join(story.rules)
    if deepest.path:
        span = f", span {deepest.span_id}" if deepest.span_id else ""
        yield "where", f"{' › '.join(deepest.path)} (depth {deepest.depth}{span})"
    if lead.exception_type or lead.exception_message:
        yield "exception", ": ".join(filter(None, (lead.exception_type, lead.exception_message)))
    yield from (("line", f"{_time(line, utc=utc)}{line.service_name}  {line.text}".strip()) for line in story.lines)
    yield from (("not known", phrase) for phrase in story.unknown)


def describe_response(client_saw: str | None, status: int | None) -> str:
    """What the caller of a trace's entry was told, as a sentence."""
    if client_saw in {None, "unknown"}:
        return "what the caller was told is not known"
    return f"the caller was told {status or client_saw}"


def _time(line: ShownLine, *, utc: bool) -> str:
    if not 0 < line.at < _END_OF_TIME:
        return ""
    at = datetime.fromtimestamp(line.at / 1000, UTC)
    return f"{at if utc else at.astimezone():%H:%M:%S.%f}"[:-3] + "  "
