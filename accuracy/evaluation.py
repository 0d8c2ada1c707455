"""Evaluation: takes a transaction through the pipeline without OpenSearch: lines as `ship` does, segments as `resolve` does."""

import json
import random
from collections.abc import Iterator

import msgspec

from accuracy.transaction import REGION, Transaction
from pipeline.detect.evaluate import evaluate
from pipeline.detect.rule import Rules
from pipeline.detect.verdict import Verdict
from pipeline.join.assignment import Reassignment
from pipeline.join.by_request import assign_by_request
from pipeline.join.reassign import facts_of_reassignments
from pipeline.logs.decode import decode_event
from pipeline.model.facts import LookupFact
from pipeline.model.trace_state import EMPTY, TraceState, last_seen, merge
from pipeline.settings import Settings
from pipeline.ship import prepare
from pipeline.store.document_facts import facts_by_trace, facts_of
from pipeline.store.results import Hit
from pipeline.traces.read_document import read_trace_document
from pipeline.traces.segment import facts_of_segments

_SETTINGS = Settings(region=REGION)
_GIVE_UP_AFTER_MS = max(_SETTINGS.lookup_delays) * 1000
_MOST_PARTS = 4
_REPEATED = 0.2


def facts_of_transaction(transaction: Transaction) -> list[TraceState]:
    """Returns every fact of a transaction, each in a state of its own; the last look-up comes when waiting ends."""
    facts = [*_of_lines(transaction), *_of_segments(transaction)]
    at = last_seen(merge(*facts)) + _GIVE_UP_AFTER_MS + 1
    looked_up = LookupFact(at=at, outcome="found" if transaction.documents else "absent", source="BatchGetTraces")
    return [*facts, TraceState(lookups={str(at): looked_up})]


def verdict_on(facts: list[TraceState], rules: Rules) -> Verdict:
    """Returns the verdict on these facts."""
    return evaluate(merge(EMPTY, *facts), rules=rules, give_up_after_ms=_GIVE_UP_AFTER_MS)


def in_any_order(facts: list[TraceState], rng: random.Random) -> list[TraceState]:
    """Returns the same facts shuffled, some of them twice, merged in parts as several workers would."""
    shuffled = [*facts, *(fact for fact in facts if rng.random() < _REPEATED)]
    rng.shuffle(shuffled)
    parts = rng.randint(1, _MOST_PARTS)
    merged = [merge(EMPTY, *shuffled[start::parts]) for start in range(parts)]
    rng.shuffle(merged)
    return merged


def hits_of(transaction: Transaction) -> list[Hit]:
    """Returns a transaction's lines as `ship` stores them, one batch a log stream."""
    hits: list[Hit] = []
    for stream in transaction.streams.values():
        items = prepare(decode_event(stream.batch(), max_bytes=_SETTINGS.max_decompressed_bytes), _SETTINGS)
        for action, line in items:
            source = msgspec.json.decode(msgspec.json.encode(line))
            hits.append(Hit(index=action.create.index, id=action.create.id, seq_no=0, primary_term=1, source=source))
    return hits


def _of_lines(transaction: Transaction) -> Iterator[TraceState]:
    hits = hits_of(transaction)
    mine = [hit for hit in hits if hit.source.get("traceId") == transaction.trace_id]
    yield from (facts_of(hit) for hit in mine)
    # `resolve` assigns API Gateway's lines that name only their integration's request
    ran_here = {request.request_id for hit in mine for request in facts_of(hit).requests.values() if request.platform}
    for hit in hits:
        if not hit.source.get("traceId") and hit.source.get("integrationRequestId") in ran_here:
            assignment = assign_by_request(hit.source, {transaction.trace_id})
            if assignment:
                yield from facts_of_reassignments([Reassignment(hit, assignment)]).values()
    # and reads lines that claim this trace though Lambda names another one
    yield from (state for trace_id, state in facts_by_trace(hit for hit in hits if hit.source.get("staleTraceId")).items()
                if trace_id == transaction.trace_id)  # fmt: skip


def _of_segments(transaction: Transaction) -> Iterator[TraceState]:
    for document in transaction.documents:
        for segment in read_trace_document(json.dumps(document), trace_id=transaction.trace_id):
            yield from facts_of_segments([segment]).values()
