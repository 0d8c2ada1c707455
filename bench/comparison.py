"""Comparison: compares log documents with the truth: what is right, missing and wrong, by category."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from bench.truth import Line, Truth

Result = Literal["right", "missing", "wrong"]

_EXAMPLES = 5
TARGET = 0.999
_NO_DOCUMENT = "document"


def compare(truth: Truth, document: Mapping[str, Any] | None) -> tuple[Result, str]:
    """Returns whether a document says the truth, and the first field that does not. A wrong value is worse than a missing one."""
    if document is None:
        return "missing", _NO_DOCUMENT
    expected = {"traceId": truth.trace_id, "requestId": truth.request_id, "sampled": truth.sampled, "staleTraceId": truth.stale_trace_id}
    differing = [(name, document.get(name)) for name, value in expected.items() if document.get(name) != value]
    if wrong := [name for name, found in differing if found is not None]:
        return "wrong", wrong[0]
    return ("missing", differing[0][0]) if differing else ("right", "")


class Comparison:
    """The results of many lines.

    Args:
        lines: each with the name of its log stream.
        documents: as stored, by log stream and event id.
    """

    def __init__(self, lines: Iterable[tuple[str, Line]], documents: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        self._counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._why: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._total: Counter[str] = Counter()
        self._segments: Counter[bool] = Counter()
        self._examples: dict[tuple[str, str], str] = {}
        for stream, line in lines:
            document = documents.get((stream, line.event_id))
            result, what = compare(line.truth, document)
            category = (line.runtime, line.kind)
            self._counts[category][result] += 1
            self._total[result] += 1
            if what:
                self._why[category][f"{what} {result}"] += 1
            if line.truth.segment_id:
                self._segments[document is not None and document.get("spanId") == line.truth.segment_id] += 1
            if result == "wrong" and document is not None and len(self._examples) < _EXAMPLES:
                self._examples.setdefault(category, _example(line, document))

    @property
    def share(self) -> float:
        """The share of lines that are right."""
        return self._total["right"] / max(self._total.total(), 1)

    @property
    def wrong(self) -> int:
        """How many lines have a wrong value."""
        return self._total["wrong"]

    @property
    def passed(self) -> bool:
        """Whether attribution is good enough: next to nothing is missing, and nothing is wrong."""
        return self.share >= TARGET and not self.wrong

    def table(self) -> str:
        """Returns a row for each category, the total, how many lines show their segment (no target), and some wrong lines."""
        rows = [f"{'runtime':<16} {'kind of line':<14} {'lines':>6} {'right':>6} {'missing':>8} {'wrong':>6} {'share':>8}"]
        rows += [_row(*category, counts, self._why[category]) for category, counts in sorted(self._counts.items())]
        rows.append(_row("total", "", self._total, Counter()).rstrip())
        rows.append(f"{self._segments[True]} of {self._segments.total()} lines of traced invocations show their invocation's segment")
        return "\n".join([*rows, *(f"wrong: {example}" for example in self._examples.values())])


def _row(runtime: str, kind: str, counts: Counter[str], why: Counter[str]) -> str:
    lines = counts.total()
    reasons = ", ".join(f"{what} {count}" for what, count in why.most_common())
    return (f"{runtime:<16} {kind:<14} {lines:>6} {counts['right']:>6} {counts['missing']:>8} {counts['wrong']:>6} "
            f"{counts['right'] / max(lines, 1):>8.2%}  {reasons}").rstrip()  # fmt: skip


def _example(line: Line, document: Mapping[str, Any]) -> str:
    found = {name: document.get(name) for name in ("traceId", "requestId", "sampled", "staleTraceId", "idSource")}
    return f"{line.runtime}, {line.kind}: {line.message[:120]!r}\n  is {found}\n  of {line.truth}"
