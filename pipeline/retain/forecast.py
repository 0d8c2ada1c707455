"""Forecast: says of stored transactions what a policy would take, in lines and bytes by service. Pure but for `stored_transactions`."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import msgspec

from pipeline.retain.decision import decide
from pipeline.retain.policy import Policy
from pipeline.retain.slowness import Slowness
from pipeline.retain.whole_transactions import WholeTransaction, is_line, load_documents, size_of, transactions_around
from pipeline.store.client import Store
from pipeline.store.trace_records import TraceRecords

_TRACES: Final = 200
# later than any grace period
_LATER_MS: Final = 365 * 86_400_000


class Amount(msgspec.Struct, rename="camel"):
    """Lines, spans, and their length as JSON in bytes."""

    lines: int = 0
    spans: int = 0
    size: int = 0

    def add(self, *, lines: int, spans: int, size: int) -> None:
        """Adds to the counts."""
        self.lines += lines
        self.spans += spans
        self.size += size


class ServiceForecast(msgspec.Struct, rename="camel"):
    """What is stored of one service, and what of it a policy would take."""

    stored: Amount = msgspec.field(default_factory=Amount)
    goes: Amount = msgspec.field(default_factory=Amount)


def forecast(policy: Policy, transactions: Iterable[WholeTransaction], slowness: Slowness, now_ms: int) -> dict[str, ServiceForecast]:
    """Returns by service what is stored of ``transactions``, and what ``policy`` would take of it when its grace period is over.

    Args:
        policy: what is kept.
        transactions: with their lines and spans.
        slowness: from when on traces are slow.
        now_ms: milliseconds since the epoch, UTC.
    """
    found: dict[str, ServiceForecast] = {}
    for transaction in transactions:
        goes = decide(policy, transaction, slowness, now_ms + _LATER_MS).outcome == "goes"
        for hit in transaction.documents:
            service = found.setdefault(str(hit.source.get("serviceName") or ""), ServiceForecast())
            line = is_line(hit)
            for amount in (service.stored, service.goes) if goes else (service.stored,):
                amount.add(lines=line, spans=not line, size=size_of(hit))
    return found


def stored_transactions(query: dict[str, Any], store: Store, records: TraceRecords) -> Iterator[WholeTransaction]:
    """Yields the transactions, with their lines and spans, of the trace records that match ``query``; sees only refreshed documents."""
    seen: set[str] = set()
    ids = store.scan(query, index=f"{store.prefix}-traces", source=False)
    while group := list(islice(ids, _TRACES)):
        found = [each for each in transactions_around([hit.id for hit in group], store, records) if each.id not in seen]
        seen |= {each.id for each in found}
        load_documents(found, store)
        yield from found
