"""Spread: lines come home, traces find each other, and the verdict reaches every line and span, until nothing is behind.

The links are written before the index is refreshed, and the lines are searched after: what `ship` indexed before that is found here;
what it indexes later finds the links there.
"""

from collections import Counter
from collections.abc import Mapping

import msgspec

from pipeline.errors import BadInputError
from pipeline.join.enrich import apply_verdicts, out_of_date
from pipeline.join.find_reassignments import find_misplaced
from pipeline.join.reassign import facts_of_reassignments, reassign
from pipeline.join.transactions import shown_by, transactions_of
from pipeline.model.facts import RequestFact
from pipeline.model.invocations import InvocationWindow
from pipeline.model.timestamps import millis_of
from pipeline.model.trace_state import EMPTY, TraceState, merge
from pipeline.store.client import Store
from pipeline.store.document_facts import facts_by_trace
from pipeline.store.join_keys import JoinKey, JoinKeys, KeySighting
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import TraceRecords

_ROUNDS = 5


class Reconciler:
    """Brings what records know to everything that it concerns.

    Args:
        store: OpenSearch.
        records: the traces' documents.

    Attributes:
        stale: how many lines were found to name another trace than the platform does, by service.
        too_common: the ids met that so many traces show that they join none.
        linked_at: when a link that a trace shows was written last (epoch milliseconds), where what is written takes a while to show.
    """

    def __init__(self, store: Store, records: TraceRecords) -> None:
        self._store = store
        self._records = records
        self._keys = JoinKeys(store)
        self.stale: Counter[str] = Counter()
        self.too_common: set[str] = set()
        self.linked_at: dict[str, int] = {}

    def reconcile(self, known: dict[str, TraceRecord]) -> set[str]:
        """Brings lines home, joins traces, and brings lines and spans up to date until nothing is behind.

        Takes the records of other traces that this concerns into ``known``; returns the traces where something is behind still.
        """
        checked: set[InvocationWindow] = set()
        for _ in range(_ROUNDS):
            shown = shown_by(known.values())
            links = self._keys.merge_in(shown)
            self._note_age(shown, links)
            known |= self._records.merge_in(_contested(known, links))
            glued = [link for link in links.values() if link.too_common and not link.released]
            # what an id had joined before it was known to be on too many traces
            members = {id_ for link in glued for id_ in link.trace_ids} - known.keys()
            known |= {id_: record for id_, record in self._records.load(members).items() if record.version}
            joined = self._join(known)
            self._store.refresh()
            moves = find_misplaced(known, links, self._store, checked)
            known |= self._records.merge_in(facts_of_reassignments(moves))
            moved, _ = reassign(moves, self._store)
            self.stale.update(one.hit.source.get("serviceName", "") for one in moves if one.home.stale)
            hits = [hit for hit in (*moved, *out_of_date(known.values(), self._store)) if hit.source.get("traceId")]
            # one may have come since: what it says is taken in first, then it is served
            known |= self._records.merge_in(facts_by_trace(hits))
            apply_verdicts(hits, known, self._store)
            if not (hits or moves or joined):
                self._keys.release(glued)
                return set()
        # each round brought something new: the next look goes on from here
        return set(known)

    def _note_age(self, shown: Mapping[str, KeySighting], links: Mapping[str, JoinKey]) -> None:
        if not self._store.capabilities.visible_after:
            return
        for key, what in shown.items():
            at = millis_of(links[key].last_seen_at)
            for id_ in (*what.trace_ids, *(trace_id for trace_id, _ in what.platform)):
                self.linked_at[id_] = max(at, self.linked_at.get(id_, 0))

    def _join(self, known: dict[str, TraceRecord]) -> bool:
        """Notes each trace's transaction on its record, and on those of all others in it; returns whether one changed.

        Who writes looks again afterwards, so that the last to write has seen what all others wrote.
        """
        groups = transactions_of(known, self._store)
        self.too_common |= {id_ for group in groups.values() for id_ in group.too_common}
        wanted = {id_: group.id_for(id_) for group in groups.values() for id_ in group.trace_ids}
        known |= {id_: record for id_, record in self._records.load(wanted.keys() - known.keys()).items() if record.version}
        changed = [
            msgspec.structs.replace(known[id_], transaction=transaction, version=known[id_].version + 1, settled=False)
            for id_, transaction in wanted.items() if id_ in known and known[id_].transaction_id != transaction
        ]  # fmt: skip
        written = self._write_apart(changed)
        known |= self._records.load(record.trace_id for record in changed if record.trace_id not in written) | written
        return bool(written)

    def _write_apart(self, records: list[TraceRecord]) -> dict[str, TraceRecord]:
        """Writes records; where OpenSearch refuses one for good, the others all the same."""
        try:
            return self._records.write(records)
        except BadInputError:
            if len(records) == 1:
                return {}
            return {id_: record for one in records for id_, record in self._write_apart([one]).items()}


def _contested(known: Mapping[str, TraceRecord], links: Mapping[str, JoinKey]) -> dict[str, TraceState]:
    """What is to be noted where the platform says that one request ran in several traces: then it counts in none."""
    facts: dict[str, TraceState] = {}
    for record in known.values():
        for request in record.state.requests.values():
            if request.platform and not request.elsewhere:
                others = links[request.request_id].traces_of(request.log_group) if request.request_id in links else set()
                nobody = RequestFact(request_id=request.request_id, log_group=request.log_group, elsewhere=True)
                for trace_id in others if len(others) > 1 else ():
                    facts[trace_id] = merge(facts.get(trace_id, EMPTY), TraceState(requests={nobody.key: nobody}))
    return facts
