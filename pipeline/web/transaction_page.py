"""Transaction page: the values that the templates of a transaction print. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from math import isfinite
from typing import Any, Final

from pipeline.detect.failures import describe_failure, describe_response, group_failures
from pipeline.model.trace_ids import to_xray
from pipeline.search.explain_trace import TraceExplanation, in_sections
from pipeline.search.transaction_view import TransactionView
from pipeline.search.waterfall import Row, closed, enclosing, end_of
from pipeline.web.waterfall_rows import Window, drawn_rows, rows_json

ROWS_A_PAGE: Final = 200
_MOST_EXPLAINED: Final = 50
# what is neither is not done yet, or lacks something
_MARKS: Final = {"complete": "ok", "unsampled": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the address of a transaction's page asks for.

    Attributes:
        open: the key of the row whose document is shown.
        find: words to look for.
        page: which page of the rows, from 1; 0 for the one with the open row.
        since: the milliseconds of the transaction that the bars begin with.
        until: the milliseconds that they end with; 0 for the end.
        unfolded: whether folded rows are shown.
    """

    open: str = ""
    find: str = ""
    page: int = 0
    since: float = 0.0
    until: float = 0.0
    unfolded: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Asked":
        """Reads the parameters of an address; what makes no sense counts as not given."""
        page = query.get("page", "")
        return cls(
            open=query.get("open", ""),
            find=query.get("find", "").strip(),
            page=int(page) if page.isascii() and page.isdigit() and len(page) < len("1000000") else 0,
            since=_number(query.get("since", "")),
            until=_number(query.get("until", "")),
            unfolded=query.get("folds") == "open",
        )

    @property
    def query(self) -> dict[str, object]:
        """The parameters, as an address has them."""
        return {"find": self.find, "since": self.since or "", "until": self.until or "", "folds": "open" if self.unfolded else "",
                "open": self.open}  # fmt: skip


def _number(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if isfinite(found) and found > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTrace:
    """A trace as the page tells of it.

    Attributes:
        mark: ok, warn or nothing, which colours its state.
        told: what its caller was answered.
        failures: of each failure whether it is hidden, and pairs of a heading and its text.
        sections: how all that is known, as headings with sentences.
    """

    trace_id: str
    name: str
    state: str
    mark: str
    hidden_fault: bool
    told: str
    failures: tuple[tuple[bool, tuple[tuple[str, str], ...]], ...]
    sections: tuple[tuple[str, list[str]], ...]


def page_values(view: TransactionView, asked: Asked, matched: Collection[str] = ()) -> dict[str, Any]:
    """Returns what the template `transaction.html` prints of a transaction; ``matched`` are the keys of rows with the words asked for."""
    found = view.rows()
    whole = end_of(found)
    window = _window(asked, whole)
    shown = _shown(found, asked, matched)
    pages = max(-(-len(shown) // ROWS_A_PAGE), 1)
    page = min(asked.page or _page_with(shown, asked.open), pages)
    return common_values(view, found) | {
        "asked": asked, "window": window, "rows": drawn_rows(shown[(page - 1) * ROWS_A_PAGE : page * ROWS_A_PAGE], window), "page": page,
        "pages": pages, "row_count": len(shown), "matched": len(matched), "rows_json": rows_json(found, whole),
    }  # fmt: skip


def common_values(view: TransactionView, found: Sequence[Row]) -> dict[str, Any]:
    """Returns what both the page and the file print of a transaction with these rows."""
    traces = [_trace(explanation, view) for explanation in view.explanations[:_MOST_EXPLAINED]]
    entry = next((row for row in found if row.kind == "span"), None)
    return {
        "view": view, "entry": entry, "whole": end_of(found), "traces": traces, "hidden_fault": any(trace.hidden_fault for trace in traces),
        "failing": [trace for trace in traces if trace.failures], "more_traces": len(view.explanations) - len(traces),
        "counts": {kind: sum(row.kind == kind for row in found) for kind in ("span", "log", "gap")},
        "edges": [(edge.name, edge.methods, [(to_xray(id_), said) for id_, said in zip(edge.trace_ids, edge.evidence, strict=True)])
                  for edge in view.transaction.edges],
        "folded": any(row.kind == "fold" for row in found),
    }  # fmt: skip


def _trace(explanation: TraceExplanation, view: TransactionView) -> ShownTrace:
    stored = view.traces.get(explanation.trace_id, {})
    status = stored.get("trace") or {}
    failures = tuple((failure.alert, tuple(describe_failure(failure, zone=UTC))) for failure in group_failures(explanation.fired))
    return ShownTrace(
        trace_id=explanation.trace_id,
        name=stored.get("name") or stored.get("serviceName") or "",
        state=explanation.state,
        mark=_MARKS.get(explanation.state, "warn"),
        hidden_fault=explanation.hidden_fault,
        told=describe_response(status.get("clientSaw"), status.get("edgeStatus")),
        failures=failures,
        sections=tuple(in_sections(explanation, zone=UTC)),
    )


def _window(asked: Asked, whole: float) -> Window:
    until = min(asked.until or whole, whole)
    return Window(since=asked.since, until=until) if asked.since < until else Window(since=0.0, until=whole)


def _shown(found: Sequence[Row], asked: Asked, matched: Collection[str]) -> list[tuple[int, Row]]:
    """The rows to list, each with its place among all: those with the words asked for and what encloses them, else all but the folded."""
    if asked.find:
        marked = {place for place, row in enumerate(found) if row.key in matched}
        return [(place, found[place]) for place in sorted(enclosing(marked, [row.depth for row in found]))]
    places = {row.key: place for place, row in enumerate(found)}
    return [(places[row.key], row) for row in (found if asked.unfolded else closed(found))]


def _page_with(shown: Sequence[tuple[int, Row]], key: str) -> int:
    return next((place // ROWS_A_PAGE + 1 for place, (_, row) in enumerate(shown) if key and row.key == key), 1)
