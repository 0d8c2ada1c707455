"""Transaction view: reads what is known of one transaction, to draw it and to explain it."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from pipeline.detect.rule import Rules
from pipeline.join.transactions import Transaction, transaction_of
from pipeline.model.log_groups import API_GATEWAY_LOG_GROUPS
from pipeline.search.durable_labels import DurableLabels
from pipeline.search.execution_spans import Step, step_of, with_execution_spans
from pipeline.search.explain_trace import TraceExplanation, explain_stored, stored_traces
from pipeline.search.query import Clause, SearchQuery, ids_of, opensearch_query
from pipeline.search.read_records import as_recorded
from pipeline.search.search import count, document, oldest_first
from pipeline.search.waterfall import Row, rows
from pipeline.search.waterfall_items import WaterfallItem, item_of
from pipeline.store.client import Store
from pipeline.store.pages import pages

MOST_DRAWN: Final = 50_000
"""The most lines and spans of a transaction that are drawn: the first ones."""

_FIRST_PAGE: Final = 200
_LARGEST_PAGE: Final = 5000
_CHARACTERS: Final = 8_000_000
_BESIDE_TEXT: Final = 1500
_HOW_ASSIGNED: Final = ("idSource", "staleTraceId")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionView:
    """What is known of one transaction.

    Attributes:
        id: the trace, correlation or request id that was asked for.
        transaction: its traces, and what joins them.
        total: how many lines and spans it has; ``items`` may hold fewer.
        items: its first lines and spans, in time order.
        began: the time of the first of them, ISO 8601; empty where none has a time.
        traces: the stored documents of its traces, by trace id.
        matched: the keys of the lines and spans that hold the words that were looked for.
        explanations: what is known of each trace, in the order in which they appear in ``items``.
    """

    id: str
    transaction: Transaction
    total: int
    items: Sequence[WaterfallItem]
    began: str
    matched: frozenset[str]
    traces: Mapping[str, Mapping[str, Any]]
    explanations: Sequence[TraceExplanation]

    @property
    def named(self) -> frozenset[str]:
        """The ids of the spans, and of the documents of lines, that findings name as failed."""
        found = [finding for explanation in self.explanations for finding in explanation.fired]
        return frozenset({id_ for finding in found for id_ in (finding.span_id, *(line.id for line in finding.lines)) if id_})

    @property
    def reasons(self) -> dict[str, str]:
        """Why each trace is in its state, by trace id."""
        return {explanation.trace_id: explanation.state_reason for explanation in self.explanations}

    def rows(self, *, fold: bool = True) -> list[Row]:
        """The rows of its waterfall; with ``fold`` lines of API Gateway's own logs fold."""
        return rows(self.items, named=self.named, reasons=self.reasons, fold=fold)


def transaction_view(
    id_: str, store: Store, *, rules: Rules | None = None, api_gateway: Sequence[str] = API_GATEWAY_LOG_GROUPS, words: str = "",
    most: int = MOST_DRAWN,
) -> TransactionView | None:  # fmt: skip
    """Returns what is known of the transaction that ``id_`` belongs to; None where no line and no span is.

    Args:
        id_: a trace, correlation or request id.
        store: OpenSearch.
        rules: the rules by name, of which the silent ones are told; None for the default ones.
        api_gateway: names of API Gateway's log groups, with `*` and `?`.
        words: a text to look for in messages and names, in any case; empty for none.
        most: the most lines and spans that are read.
    """
    query = SearchQuery(ids=(id_,))
    transaction = transaction_of(ids_of(query), store)
    clause = opensearch_query(query, transaction)
    read = _read(clause, store, api_gateway, words.casefold(), most)
    if not read.items:
        return None
    trace_ids = list(dict.fromkeys([*read.lines, *transaction.trace_ids]))
    traces = stored_traces(trace_ids, store)
    known = [trace_id for trace_id in trace_ids if trace_id in traces or trace_id in read.lines]
    return TransactionView(
        id=id_,
        transaction=transaction,
        total=len(read.items) if len(read.items) < most else count(clause, store),
        items=with_execution_spans(list(read.items.values()), read.steps) if read.steps else list(read.items.values()),
        began=read.began,
        matched=frozenset(read.matched),
        traces=traces,
        explanations=explain_stored(known, traces, read.lines, store, rules),
    )


@dataclass(slots=True)
class _Read:
    """What is kept of the lines and spans that were read.

    Attributes:
        items: by their keys, since a span that moved to another day is in two indices for a moment.
        lines: of the lines of each trace what explains how they got it; a trace of spans alone has none.
        matched: the keys of those with the words.
        began: the time of the first one that has a time.
        steps: the events of Step Functions' executions among them.
    """

    items: dict[str, WaterfallItem] = field(default_factory=dict)
    lines: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    matched: set[str] = field(default_factory=set)
    began: str = ""
    steps: list[Step] = field(default_factory=list)


def _read(clause: Clause, store: Store, api_gateway: Sequence[str], sought: str, most: int) -> _Read:
    read, labels = _Read(), DurableLabels()
    body = {"query": clause, "sort": oldest_first()}
    with closing(pages(store, body, index=store.lines_and_spans, size=_FIRST_PAGE, next_size=_next_size)) as found:
        for stored in chain.from_iterable(_noted(as_recorded(page, store), labels) for page in found):
            item = item_of(stored, api_gateway, labels.of(stored))
            if item.key in read.items:
                continue
            if len(read.items) == most:
                break
            read.items[item.key] = item
            if sought and sought in _text_of(stored).casefold():
                read.matched.add(item.key)
            if step := step_of(stored):
                read.steps.append(step)
            read.began = read.began or stored.get("@timestamp") or ""
            if item.trace_id:
                of_trace = read.lines.setdefault(item.trace_id, [])
                of_trace += [] if item.is_span else [{name: stored[name] for name in _HOW_ASSIGNED if name in stored}]
    return read


def _noted(page: Sequence[dict[str, Any]], labels: DurableLabels) -> list[dict[str, Any]]:
    """The documents of a page, of which ``labels`` knows the spans."""
    found = list(map(document, page))
    labels.note(found)
    return found


def _next_size(hits: Sequence[Mapping[str, Any]]) -> int:
    """Large pages are cheaper; where lines are long, fewer fit into memory."""
    texts = (hit["_source"].get(name) for hit in hits for name in ("body", "log.record.original"))
    length = sum(len(text) for text in texts if isinstance(text, str)) // len(hits) + _BESIDE_TEXT
    return min(_CHARACTERS // length + 1, _LARGEST_PAGE)


def _text_of(stored: Mapping[str, Any]) -> str:
    return f"{stored.get('serviceName') or ''} {stored.get('name') or ''} {stored.get('body') or ''}"
