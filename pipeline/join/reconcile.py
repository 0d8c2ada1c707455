"""Reconcile: reassigns lines, joins traces and writes verdicts to lines and spans, until nothing is out of date.

The join keys are written before the index is refreshed, and the lines are searched after that: a line that `ship` indexed earlier is
found here, and for a later one `ship` finds the join keys.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import msgspec

from pipeline.errors import BadInputError
from pipeline.join.assignment import stale_by_service
from pipeline.join.enrich import applying_verdicts, out_of_date
from pipeline.join.find_reassignments import find_misplaced
from pipeline.join.held_traces import HeldTraces
from pipeline.join.reassign import facts_of_reassignments, reassign
from pipeline.join.shown_keys import searched_streams, sightings_of
from pipeline.join.transactions import transactions_of
from pipeline.model.facts import RequestFact
from pipeline.model.invocations import InvocationWindow
from pipeline.model.timestamps import millis_of
from pipeline.model.trace_state import EMPTY, TraceState, holds, last_seen, merge
from pipeline.store.client import Store
from pipeline.store.document_facts import facts_by_trace
from pipeline.store.join_keys import JoinKey, JoinKeys, KeySighting
from pipeline.store.results import Hit
from pipeline.store.together import Writer, write_alone, write_together
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import TraceRecords

_ROUNDS = 5
Settle = Callable[[Mapping[str, TraceRecord]], Iterable[TraceRecord]]
"""Given the records whose lines are written next, by trace id, returns those that are settled with them."""


class Reconciler:
    """Brings lines, spans and other traces up to date with changed trace records.

    Args:
        store: OpenSearch.
        records: the stored trace records.
        held: the lines that hints brought.
        facts: all that is known from lines and look-ups of the traces whose turn it is, by trace id.
        settle: is asked which traces settle in the request that writes their lines.

    Attributes:
        stale: the number of lines found with a stale trace id, by the service that their log group is named after.
        too_common: the ids found that too many traces show, so that they join none.
        unwritable: by trace id, why a line or span of the trace can't be brought up to date: its index takes no writes now, or can't be
            searched.
        keys_written_at: by trace id, when a join key of the trace was written last (epoch milliseconds); only in a store where
            writes show late.
    """

    def __init__(self, store: Store, records: TraceRecords, held: HeldTraces, facts: Mapping[str, TraceState], settle: Settle) -> None:
        self._store = store
        self._records = records
        self._keys = JoinKeys(store)
        self._held = held
        self._facts = facts
        self._settle = settle
        self.stale: Counter[str] = Counter()
        self.too_common: set[str] = set()
        self.unwritable: dict[str, str] = {}
        self._refused: dict[tuple[str, str], str] = {}
        self._unsure: set[str] = set()
        self.keys_written_at: dict[str, int] = {}

    def reconcile(
        self, known: dict[str, TraceRecord], loaded: Mapping[str, JoinKey], read: Mapping[tuple[str, str], Hit], beside: Writer[None]
    ) -> set[str]:
        """Reassigns lines, joins traces, and updates lines and spans until nothing is out of date.

        Args:
            known: records by trace id; those of other traces that this concerns are added.
            loaded: join keys that were loaded already, by key.
            read: lines and spans that were read before, by index and id, so that they need not be read again.
            beside: what is written together with the join keys, before the lines.

        Returns the ids of traces still out of date.
        """
        checked: set[InvocationWindow] = set()
        began = self._store.left_out.now()
        sightings = self._sightings(known)
        # the walk over transactions needs the keys that are the traces' own ids, too
        loaded = {**loaded, **self._keys.load(key for key in (*sightings, *known) if key not in loaded)}
        join_keys, _ = write_together(self._store, self._keys.merging(sightings, loaded), beside)
        for number in range(_ROUNDS):
            if number:
                sightings = self._sightings(known)
                loaded = self._keys.load((*sightings, *known))
                join_keys = write_alone(self._keys.merging(sightings, loaded), self._store)
            if self._is_done(known, loaded | join_keys, sightings, read, checked, is_first=not number):
                self._note_missed(known, began)
                return set(self.unwritable)
        # each round found something new: the next call continues
        return set(known)

    def _sightings(self, known: Mapping[str, TraceRecord]) -> dict[str, KeySighting]:
        """What is to be merged into the join keys: what the traces show, and how far this searches their log streams."""
        return sightings_of(known.values()) | searched_streams((record.state for record in known.values()), self._held.is_whole)

    def _is_done(self, known: dict[str, TraceRecord], join_keys: Mapping[str, JoinKey], sightings: Mapping[str, KeySighting],
                 read: Mapping[tuple[str, str], Hit], checked: set[InvocationWindow], *, is_first: bool) -> bool:  # fmt: skip
        """One round; returns whether it found nothing to change but the lines' verdicts."""
        self._note_age(sightings, join_keys)
        known |= self._records.merge_in(_contested(known, join_keys), known)
        to_release = [join_keys[key] for key in sightings if join_keys[key].to_release]
        # the traces that such a key had joined before it became too common, and those in which requests ran that lines name here
        others = {id_ for join_key in to_release for id_ in join_key.seen_in} | _ran_in_others(known, join_keys)
        known |= {id_: record for id_, record in self._records.load(others - known.keys()).items() if record.version}
        joined = self._join(known, join_keys)
        held = {id_: record for id_, record in known.items() if self._is_held(record, join_keys)}
        searched = {id_: record for id_, record in known.items() if id_ not in held}
        versions = {id_: record.version for id_, record in known.items()}
        reassigned, hits = self._found(known, searched, join_keys, read, checked) if searched else (False, [])
        if is_first:
            # what was found may concern them, too: these are searched in the next round
            self._unsure |= {id_ for id_, record in held.items() if known[id_] is not record}
        held = {id_: record for id_, record in held.items() if is_first and id_ not in self._unsure}
        settled = list(self._settle(held))
        lines = [hit for hit in self._held.lines_of(held) if hit.source.get("traceId") in held]
        applying = applying_verdicts([*hits, *lines], known, self._store, self._refused, held.keys())
        left, written = write_together(self._store, applying, self._records.settling(settled))
        known |= written
        self._unsure |= left
        self._note_unwritable((hit, "") for hit in (*hits, *lines))
        # whoever wrote a line before the refresh was seen, and whoever did later has seen these records
        if (
            reassigned
            or joined
            or left
            or (is_first and self._unsure)
            or versions != {id_: record.version for id_, record in known.items()}
        ):
            return False
        self._keys.release(to_release)
        return True

    def _is_held(self, record: TraceRecord, join_keys: Mapping[str, JoinKey]) -> bool:
        """Whether the lines of a trace that hints brought are all that there is to bring up to date, and its record holds their facts."""
        id_ = record.trace_id
        merged = self._facts.get(id_)
        return merged is not None and id_ not in self._unsure and self._held.suffice(record, join_keys) and holds(record.state, merged)

    def _found(self, known: dict[str, TraceRecord], searched: Mapping[str, TraceRecord], join_keys: Mapping[str, JoinKey],
               read: Mapping[tuple[str, str], Hit], checked: set[InvocationWindow]) -> tuple[bool, list[Hit]]:  # fmt: skip
        """Reassigns the lines that a search finds misplaced; returns whether there were any, and all lines that lack a verdict now."""
        self._store.refresh(self._store.lines_and_spans)
        found = find_misplaced(searched, join_keys, self._store, checked)
        reassignments = [reassignment for reassignment in found if not self._is_refused(reassignment.hit)]
        known |= self._records.merge_in(facts_of_reassignments(reassignments), known)
        rewritten, _ = reassign(reassignments, self._store, self._refused)
        self._note_unwritable((reassignment.hit, reassignment.assignment.trace_id) for reassignment in reassignments)
        self.stale += stale_by_service(reassignments)
        late = [hit for hit in out_of_date((known[id_] for id_ in searched), self._store, read) if not self._is_refused(hit)]
        hits = [hit for hit in (*rewritten, *late) if hit.source.get("traceId")]
        # a line may have come since: its facts are merged before it gets the verdict
        known |= self._records.merge_in(facts_by_trace(hits), known)
        return bool(reassignments), hits

    def _is_refused(self, hit: Hit) -> bool:
        """Whether an index refused a write of this document before, in this run: the others are not held up by it."""
        return (hit.index, hit.id) in self._refused

    def _note_unwritable(self, written: Iterable[tuple[Hit, str]]) -> None:
        """Notes the traces of refused lines and spans; each comes with the trace that it was to be moved to, or an empty text."""
        for hit, moved_to in written if self._refused else ():
            if reason := self._refused.get((hit.index, hit.id)):
                self.unwritable |= {id_: reason for id_ in (hit.source.get("traceId"), moved_to) if id_}

    def _note_missed(self, known: Mapping[str, TraceRecord], began: float) -> None:
        """Notes the traces that may have lines or spans in an index that no search could see."""
        left_out = self._store.left_out
        for id_, record in known.items() if left_out.is_used else ():
            if reason := left_out.missed(began, record.state.first_line_at, last_seen(record.state)):
                self.unwritable[id_] = reason

    def _note_age(self, sightings: Mapping[str, KeySighting], join_keys: Mapping[str, JoinKey]) -> None:
        if not self._store.capabilities.visible_after:
            return
        for key, sighting in sightings.items():
            at = millis_of(join_keys[key].last_seen_at)
            for id_ in (*sighting.trace_ids, *(trace_id for trace_id, _ in sighting.platform)):
                self.keys_written_at[id_] = max(at, self.keys_written_at.get(id_, 0))

    def _join(self, known: dict[str, TraceRecord], join_keys: Mapping[str, JoinKey]) -> bool:
        """Writes each trace's transaction id to its record, and to those of all other traces in it; returns whether one was to be changed.

        Another round follows each change, so that the last writer has seen what all others wrote.
        """
        transactions = transactions_of(known, self._store, {id_: record.state for id_, record in known.items()}, join_keys)
        self.too_common |= {id_ for transaction in transactions.values() for id_ in transaction.too_common}
        wanted = {id_: id_ for transaction in transactions.values() for id_ in transaction.apart}
        wanted |= {id_: transaction.id_for(id_) for transaction in transactions.values() for id_ in transaction.trace_ids}
        known |= {id_: record for id_, record in self._records.load(wanted.keys() - known.keys()).items() if record.version}
        changed = [
            msgspec.structs.replace(known[id_], transaction=transaction_id, version=known[id_].version + 1, settled=False)
            for id_, transaction_id in wanted.items() if id_ in known and known[id_].transaction_id != transaction_id
        ]  # fmt: skip
        written = self._write_apart(changed)
        known |= self._records.load(record.trace_id for record in changed if record.trace_id not in written) | written
        return bool(changed)

    def _write_apart(self, records: list[TraceRecord]) -> dict[str, TraceRecord]:
        """Writes records; where OpenSearch rejects one, each alone, so that the others are written."""
        try:
            return self._records.write(records)
        except BadInputError:
            if len(records) == 1:
                return {}
            return {id_: record for single in records for id_, record in self._write_apart([single]).items()}


def _contested(known: Mapping[str, TraceRecord], join_keys: Mapping[str, JoinKey]) -> dict[str, TraceState]:
    """Facts for requests that the platform names in several traces, by trace id: such a request counts in none."""
    facts: dict[str, TraceState] = {}
    for record in known.values():
        for request in record.state.requests.values():
            if request.platform and not request.elsewhere:
                others = join_keys[request.request_id].traces_of(request.origin) if request.request_id in join_keys else set()
                elsewhere = RequestFact(request_id=request.request_id, log_group=request.log_group, account=request.account, elsewhere=True)
                for trace_id in others if len(others) > 1 else ():
                    facts[trace_id] = merge(facts.get(trace_id, EMPTY), TraceState(requests={elsewhere.key: elsewhere}))
    return facts


def _ran_in_others(known: Mapping[str, TraceRecord], join_keys: Mapping[str, JoinKey]) -> set[str]:
    """The traces in which requests ran, as the platform says, that only lines of other traces name here: these lines may belong there."""
    named = ((join_keys[request.request_id], request.origin) for record in known.values() for request in record.state.requests.values()
             if not (request.platform or request.elsewhere) and request.request_id in join_keys)  # fmt: skip
    return {trace_id for join_key, origin in named for trace_id in join_key.traces_of(origin)}
