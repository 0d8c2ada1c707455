"""Comparison: compares the documents of recorded lines with their truth, and makes the table of what is right, by runtime and kind."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.real.recorder import RecordedLine
from bench.truth import Truth

RIGHT_TARGET, FOUND_TARGET = 0.999, 0.99
_FAILURES = frozenset({"error", "exception", "crash", "timeout", "out-of-memory", "function-error"})
_EXCEPTIONS = frozenset({"exception", "crash"})
_COLUMNS = ("lines", "right trace", "wrong trace", "no trace", "other field", "errors", "found", "exceptions", "found", "false", "repeated")
_LEGEND = """right trace   the line's document has the trace of the invocation that wrote it (or none, if no one can know who wrote it)
wrong trace   it has another trace
no trace      it has none, though its invocation has one
other field   its trace is right, but its request id, sampled or stale trace id is not
errors found  how many of the calls that logged an error, or of the uncaught exceptions, show any failure in `signals`
exceptions found   how many of the calls that logged an exception, or of the uncaught ones, show `exception` in `signals`
false         lines that show a failure and report none
repeated      further lines of a call, such as those of a stack trace, that show the failure which an earlier one showed"""


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that is wrong in one way: ``said`` is what its document says."""

    what: str
    runtime: str
    kind: str
    message: str
    said: Mapping[str, Any]
    truth: str


class RealComparison:
    """Counts what is right and wrong of recorded lines.

    Args:
        lines: with the name of their log stream.
        documents: as stored, by log stream and event id.
    """

    def __init__(self, lines: Iterable[tuple[str, RecordedLine]], documents: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        self.counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.problems: dict[tuple[str, str, str], list[Problem]] = defaultdict(list)
        groups: dict[tuple[str, int], list[tuple[RecordedLine, Mapping[str, Any]]]] = defaultdict(list)
        for stream, line in lines:
            document = documents.get((stream, line.event_id), {})
            self._compare_trace(line, document)
            groups[stream, line.mark.group].append((line, document))
        for group in groups.values():
            self._compare_signals(group)

    @property
    def total(self) -> Counter[str]:
        """The sums over all runtimes and kinds."""
        return sum(self.counts.values(), Counter[str]())

    @property
    def passed(self) -> bool:
        """Whether everything meets its target."""
        total = self.total
        return (total["right trace"] + total["other field"] >= RIGHT_TARGET * total["lines"]
                and not total["wrong trace"] and not total["false"] and total["errors found"] >= FOUND_TARGET * total["errors"]
                and total["exceptions found"] >= FOUND_TARGET * total["exceptions"])  # fmt: skip

    def table(self, *, kinds: bool) -> str:
        """Returns the table: a row for each runtime, or for each runtime and kind that has something wrong."""
        by_runtime: dict[str, Counter[str]] = defaultdict(Counter)
        for (runtime, _), counts in self.counts.items():
            by_runtime[runtime] += counts
        rows = [f"{'':<60}" + "".join(f"{name:>13}" for name in _COLUMNS)]
        for runtime, counts in sorted(by_runtime.items()):
            rows.append(_row(runtime, counts))
            if kinds:
                rows += [_row(f"  {kind}", of_kind) for (name, kind), of_kind in sorted(self.counts.items())
                         if name == runtime and _is_wrong(of_kind)]  # fmt: skip
        return "\n".join([*rows, _row("all", self.total)])

    def _compare_trace(self, line: RecordedLine, document: Mapping[str, Any]) -> None:
        counts = self.counts[line.runtime, line.kind]
        counts["lines"] += 1
        found = document.get("traceId")
        if found != line.truth.trace_id:
            what = "wrong trace" if found else "no trace"
        else:
            what = "right trace" if _others_right(line.truth, document) else "other field"
        counts[what] += 1
        if what != "right trace":
            self._note(what, line, document)

    def _compare_signals(self, group: list[tuple[RecordedLine, Mapping[str, Any]]]) -> None:
        line = group[0][0]
        counts, mark = self.counts[line.runtime, line.kind], line.mark
        signals = [set(document.get("signals", ())) & _FAILURES for _, document in group]
        if mark.error:
            counts["errors"] += 1
            counts["errors found"] += any(signals)
            if not any(signals):
                self._note("error not found", *group[0])
        if mark.exception:
            shown = any(found & _EXCEPTIONS for found in signals)
            counts["exceptions"] += 1
            counts["exceptions found"] += shown
            if not shown:
                self._note("exception not found", *group[0])
        if mark.error is None:
            return
        reporting = [number for number, found in enumerate(signals) if found]
        counts["repeated"] += len(reporting[1:]) if mark.error else 0
        for number in reporting if not mark.error else ():
            counts["false"] += 1
            self._note("false failure", *group[number])

    def _note(self, what: str, line: RecordedLine, document: Mapping[str, Any]) -> None:
        said = {name: document.get(name) for name in ("traceId", "requestId", "sampled", "staleTraceId", "idSource", "signals")}
        said["severity"] = (document.get("severity") or {}).get("text")
        self.problems[what, line.runtime, line.kind].append(Problem(what, line.runtime, line.kind, line.message, said, str(line.truth)))


def legend() -> str:
    """Returns what the columns mean."""
    return _LEGEND


def problems_as_text(problems: Mapping[tuple[str, str, str], list[Problem]]) -> Iterator[str]:
    """Yields a section for each kind of problem: where it comes, and an example in the text format and one in the JSON format."""
    kinds: dict[tuple[str, str], list[list[Problem]]] = defaultdict(list)
    for (what, _, kind), found in sorted(problems.items()):
        kinds[what, kind].append(found)
    for (what, kind), by_runtime in sorted(kinds.items()):
        where = ", ".join(f"{found[0].runtime} {len(found)}" for found in by_runtime)
        examples = {"JSON" if _is_json(found[0].runtime) else "text": found[0] for found in reversed(by_runtime)}
        shown = "".join(
            f"    {each.message[:700]!r}\n\n{each.runtime}: document {each.said}; {each.truth}\n\n" for each in examples.values()
        )
        yield f"### {what}: {kind}\n\n{where}\n\n{shown}"


def _is_json(runtime: str) -> bool:
    return "JSON" in runtime or "managed" in runtime


def _others_right(truth: Truth, document: Mapping[str, Any]) -> bool:
    others = {"requestId": truth.request_id, "sampled": truth.sampled, "staleTraceId": truth.stale_trace_id}
    if truth.unattributed:
        # no one can know who wrote the line, so that the only request id is one that the line itself names
        del others["requestId"]
    return all(document.get(name) == value for name, value in others.items())


def _is_wrong(counts: Counter[str]) -> bool:
    return bool(counts["wrong trace"] + counts["no trace"] + counts["other field"] + counts["false"]
                or counts["errors"] != counts["errors found"] or counts["exceptions"] != counts["exceptions found"])  # fmt: skip


def _row(name: str, counts: Counter[str]) -> str:
    cells = [counts["lines"], counts["right trace"], counts["wrong trace"], counts["no trace"], counts["other field"], counts["errors"],
             counts["errors found"], counts["exceptions"], counts["exceptions found"], counts["false"], counts["repeated"]]  # fmt: skip
    return f"{name[:60]:<60}" + "".join(f"{cell:>13}" for cell in cells)
