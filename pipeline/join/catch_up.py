"""Catch up: brings newly indexed lines up to date with join keys, records and verdicts that exist already.

This is `ship`'s half of the join: it indexes a line before it loads the record and the join keys, and `resolve` writes both before it
searches for lines. So whichever of the two comes second sees what the first one wrote.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec

from pipeline.errors import UnavailableError
from pipeline.join.assignment import Reassignment, stale_by_service
from pipeline.join.enrich import applying_verdicts
from pipeline.join.find_reassignments import assign_new
from pipeline.join.invocation_queries import open_before
from pipeline.join.reassign import facts_of_reassignments, reassign
from pipeline.join.shown_keys import stream_key
from pipeline.logs.document_address import aws_of
from pipeline.logs.extract.log_line import EventBusLine, LogLine, StartLine
from pipeline.model.invocations import LogStream
from pipeline.model.log_groups import is_of_lambda, service_name_of
from pipeline.model.timestamps import millis_of
from pipeline.store.client import Store
from pipeline.store.document_facts import facts_by_trace
from pipeline.store.join_keys import JoinKey, JoinKeys, KeySighting
from pipeline.store.load import load_with_keys
from pipeline.store.log_writer import BulkItems
from pipeline.store.together import write_alone
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import TraceRecords

_Address = tuple[str, str]


class CatchUp(msgspec.Struct, frozen=True):
    """Which traces `resolve` has to look at, and how many stale ids the lines claim.

    Attributes:
        unsettled: the ids of traces without a current record, of those that a line reopened, and of those whose record lacks
            facts of a line.
        stale: the number of lines with a stale trace id, by the service that their log group is named after: a line may call itself
            anything, and each name makes a metric.
        moved: the addresses of the lines that were assigned elsewhere, or may have been.
    """

    unsettled: tuple[str, ...]
    stale: Counter[str]
    moved: frozenset[_Address] = frozenset()


def requests_to_note(items: BulkItems) -> list[str]:
    """Returns the ids of requests that lines name and that did not decide their trace: this batch has no record of the platform of them.

    Their join keys are to say that lines are `sought`, so that whoever finds out where the request ran searches for them.
    """
    requests = dict.fromkeys(_requests(items))
    if not requests:
        return []
    streams = _Streams()
    noted = (id_ for _, line in items if not line.trace_id or line.state for id_ in _sought_by(line, streams))
    return [id_ for id_ in dict.fromkeys(noted) if id_ in requests]


def catch_up(
    items: BulkItems, store: Store, records: TraceRecords, noted: Collection[str] = (), opened: Mapping[str, bool] = MappingProxyType({})
) -> CatchUp:
    """Assigns newly indexed lines by what is known already, and writes the verdicts that exist to them.

    The facts of a late line are merged into a settled record here, so that the line need not wait for `resolve`. The join keys of the
    ``noted`` requests say afterwards that a line named them, unless it is known where they ran. The records of the ``opened`` traces were
    opened together with their lines, so somebody has to settle them; where such a record is new, there is nothing to know yet.
    """
    lines: dict[str, list[_Address]] = {}
    claimed: dict[str, None] = {}
    for action, line in items:
        if line.trace_id:
            lines.setdefault(line.trace_id, []).append((action.create.index, action.create.id))
        if line.stale_trace_id:
            claimed[line.stale_trace_id] = None
    older = (id_ for id_ in (*lines, *claimed) if not opened.get(id_))
    without = _without_ids(items)
    keys = (*_requests(items), *map(stream_key, without.streams))
    stored, join_keys = load_with_keys(older, keys, records, JoinKeys(store), store)
    join_keys |= _noted(noted, join_keys, store)
    reassignments = _reassignments(items, without, store, records, join_keys)
    # the records change before the lines themselves
    touched = records.merge_in(facts_of_reassignments(reassignments)) if reassignments else {}
    rewritten, missed = reassign(reassignments, store)
    # nothing else tells that such a line is misplaced: its trace's record may hold all that it says
    records.reopen(id_ for each in missed for id_ in (each.assignment.trace_id, each.hit.source.get("traceId") or ""))
    done = {(hit.index, hit.id) for hit in rewritten}
    known = _current({**stored, **touched})
    addresses = [address for id_ in known for address in lines.get(id_, ()) if address not in done]
    hits = [hit for hit in (*store.get_many(addresses), *rewritten) if hit and hit.source.get("traceId") in known]
    settled = {id_ for id_, record in known.items() if record.settled}
    # of a trace that was sampled out the lines may have gone before: its record has to count again
    merging = settled | {id_ for id_, record in known.items() if record.sampled_out}
    known |= records.merge_in(facts_by_trace(hit for hit in hits if hit.source["traceId"] in merging))
    left = write_alone(applying_verdicts(hits, known, store), store) | {reassignment.assignment.trace_id for reassignment in missed}
    left |= {id_ for id_ in settled | touched.keys() | {*opened} if id_ not in known or not known[id_].settled}
    waiting = dict.fromkeys(id_ for id_ in (*lines, *claimed, *touched) if id_ not in known or id_ in left)
    moved = frozenset((reassignment.hit.index, reassignment.hit.id) for reassignment in reassignments)
    return CatchUp(tuple(id_ for id_ in (*waiting, *(left - waiting.keys())) if id_), _stale(items, reassignments), moved)


def _sought_by(line: LogLine, streams: "_Streams") -> Iterator[str]:
    """The requests that a line without a trace names and that may turn out to have run in one: its integration's, Lambda's, a bus'."""
    if line.integration_request_id:
        yield line.integration_request_id
    is_bus = isinstance(line, EventBusLine)
    if (is_bus or not line.integration_request_id) and (named := _named_by(line)) and (is_bus or streams.is_of_lambda(line)):
        yield named


def _current(records: Mapping[str, TraceRecord]) -> dict[str, TraceRecord]:
    return {id_: record for id_, record in records.items() if record.version and record.current}


def _noted(noted: Collection[str], join_keys: Mapping[str, JoinKey], store: Store) -> dict[str, JoinKey]:
    """The join keys of the ``noted`` requests that were not noted yet, and are now: somebody may have learned meanwhile where these ran."""
    missing = {key: KeySighting(sought=True) for key in noted if not (join_keys[key].sought or join_keys[key].platform)}
    return write_alone(JoinKeys(store).merging(missing, join_keys), store) if missing else {}


def _reassignments(items: BulkItems, without: "_WithoutIds", store: Store, records: TraceRecords,
                   join_keys: Mapping[str, JoinKey]) -> list[Reassignment]:  # fmt: skip
    """The lines that the index assigns elsewhere than their batch did."""
    ran = {id_ for id_, join_key in join_keys.items() if join_key.platform}
    addresses = [(action.create.index, action.create.id) for action, line in items
                 if line.request_id in ran or line.integration_request_id in ran or (line.state and _named_by(line) in ran)]  # fmt: skip
    known = sorted(without.begun.keys() & ran)
    open_ids = _open_before(_behind(without.streams, join_keys, store), store)
    around = records.load(open_ids | {trace_id for id_ in known for trace_id, _ in join_keys[id_].platform})
    # empty where functions are not traced, or nobody has searched invocations that end later
    addresses += without.addresses if around else []
    addresses += [address for id_ in known for address in without.begun[id_]]
    if not addresses:
        return []
    hits = [hit for hit in store.get_many(list(dict.fromkeys(addresses))) if hit]
    return assign_new(hits, join_keys, around, store)


def _behind(streams: Mapping[LogStream, Sequence[str]], join_keys: Mapping[str, JoinKey], store: Store) -> dict[LogStream, Sequence[str]]:
    """The log streams with a line that is older than what was searched there: a later search finds the newer ones."""
    # where writes show late, what is read here may be old
    return {stream: times for stream, times in streams.items()
            if store.capabilities.visible_after or millis_of(min(times)) <= join_keys[stream_key(stream)].searched_until}  # fmt: skip


def _open_before(streams: Mapping[LogStream, Sequence[str]], store: Store) -> set[str]:
    """Like `open_before`; raises UnavailableError where an index of these days can't be searched: nobody would look for the lines again."""
    began = store.left_out.now()
    found = open_before(streams, store)
    times = [millis_of(at) for each in streams.values() for at in each] if store.left_out.is_used else []
    if times and (reason := store.left_out.missed(began, min(times), max(times))):
        raise UnavailableError(reason)
    return found


def _requests(items: BulkItems) -> Iterator[str]:
    """The ids of requests without the platform's record in this batch, so that another batch may hold it."""
    certain = {line.request_id for _, line in items if line.platform and line.id_source == "inline"}
    for _, line in items:
        named = _named_by(line)
        if named and named not in certain:
            yield named
        if line.integration_request_id and not line.trace_id:
            yield line.integration_request_id


def _named_by(line: LogLine) -> str | None:
    """The id of the request that a line names, or else that it was given."""
    return line.state["requestId"] if line.state else line.request_id


class _WithoutIds(msgspec.Struct, frozen=True):
    """The lines in Lambda's log streams that lack a trace or a request.

    Attributes:
        begun: the addresses of those after a START line of their batch whose trace the batch does not know, by its request.
        addresses: those of the others.
        streams: the times of the others (ISO 8601), by stream.
    """

    begun: dict[str, list[_Address]]
    addresses: list[_Address]
    streams: dict[LogStream, list[str]]


def _without_ids(items: BulkItems) -> _WithoutIds:
    log_streams = _Streams()
    addresses: list[_Address] = []
    streams: dict[LogStream, list[str]] = {}
    begun: dict[str, list[_Address]] = {}
    starts, latest = set(items.starts), ""
    for number, (action, line) in enumerate(items):
        if number in starts:
            latest = ""
        if starts and line.__class__ is StartLine:
            latest = "" if line.trace_id else line.request_id or ""
        # a platform's line, one with both ids, and one that was assigned by position in this batch need no look-up
        if line.event_name or line.origin is None or (line.trace_id and line.request_id) or line.id_source == "stream":
            continue
        if latest:
            # if an invocation is around the line, this is its START: a search would find no other
            begun.setdefault(latest, []).append((action.create.index, action.create.id))
            continue
        if log_streams.is_of_lambda(line):
            addresses.append((action.create.index, action.create.id))
            streams.setdefault(log_streams[bytes(aws_of(line))], []).append(line.timestamp)
    return _WithoutIds(begun, addresses, streams)


class _Streams(dict[bytes, LogStream]):
    """The log streams of addressed lines, by the encoded object that names each."""

    def __missing__(self, aws: bytes) -> LogStream:
        origin = msgspec.json.decode(aws)
        stream = self[aws] = LogStream(origin["logGroup"], origin["logStream"], origin["accountId"])
        return stream

    def is_of_lambda(self, line: LogLine) -> bool:
        """Whether a line stands in a log stream of Lambda's."""
        stream = self[bytes(aws_of(line))]
        return is_of_lambda(stream.log_group, stream.log_stream)


def _stale(items: BulkItems, reassignments: list[Reassignment]) -> Counter[str]:
    stale = stale_by_service(reassignments)
    for aws, number in Counter(bytes(aws_of(line)) for _, line in items if line.stale_trace_id).items():
        origin = msgspec.json.decode(aws)
        stale[service_name_of(origin["logGroup"], origin["logStream"])] += number
    return stale
