"""Greet: freshly indexed lines are told what is known already: their trace, where another batch named it, and its verdict.

`ship`'s half of the meeting with `resolve`: a line is indexed before the record and the link are asked for, and `resolve` writes both
before it searches for lines. So whichever comes second sees what the first wrote.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from pipeline.join.assignment import Reassignment
from pipeline.join.enrich import apply_verdicts
from pipeline.join.find_reassignments import assign_new
from pipeline.join.invocation_queries import open_before
from pipeline.join.reassign import facts_of_reassignments, reassign
from pipeline.logs.document_address import aws_of
from pipeline.logs.extract.log_line import LogLine
from pipeline.model.invocations import LogStream
from pipeline.model.log_groups import is_of_lambda
from pipeline.store.client import Store
from pipeline.store.document_facts import FACTS, facts_by_trace
from pipeline.store.join_keys import JoinKeys
from pipeline.store.log_writer import BulkItems
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import TraceRecords

_Place = tuple[str, str]


class CatchUp(msgspec.Struct, frozen=True):
    """What became of the lines.

    Attributes:
        unsettled: the traces that `resolve` must look at: those without a current record, those that a line reopened, and those of
            which a line says more than the record holds.
        stale: how many lines named another trace than the platform does, by service.
    """

    unsettled: tuple[str, ...]
    stale: Counter[str]


def catch_up(items: BulkItems, store: Store, records: TraceRecords) -> CatchUp:
    """Brings the freshly indexed lines ``items`` home, and up to date where a verdict is there already.

    What a late line says is merged into a settled record here, so that the line need not wait.
    """
    lines: dict[str, list[_Place]] = {}
    claimed: dict[str, None] = {}
    for action, line in items:
        if line.trace_id:
            lines.setdefault(line.trace_id, []).append((action.create.index, action.create.id))
        if line.stale_trace_id:
            claimed[line.stale_trace_id] = None
    moves = _moves(items, store, records)
    # taken in, and taken back, before the lines themselves are written
    touched = records.merge_in(facts_of_reassignments(moves)) if moves else {}
    moved, missed = reassign(moves, store)
    gone = {(hit.index, hit.id) for hit in moved}
    known = _current({**records.load(dict.fromkeys((*lines, *claimed))), **touched})
    places = [place for id_ in known for place in lines.get(id_, ()) if place not in gone]
    hits = [hit for hit in (*store.get_many(places, source=FACTS), *moved) if hit and hit.source.get("traceId") in known]
    settled = {id_ for id_, record in known.items() if record.settled}
    known |= records.merge_in(facts_by_trace(hit for hit in hits if hit.source["traceId"] in settled))
    left = apply_verdicts(hits, known, store) | {one.home.trace_id for one in missed}
    left |= {id_ for id_ in settled | touched.keys() if id_ not in known or not known[id_].settled}
    waiting = dict.fromkeys(id_ for id_ in (*lines, *claimed, *touched) if id_ not in known or id_ in left)
    return CatchUp(tuple(id_ for id_ in (*waiting, *(left - waiting.keys())) if id_), _stale(items, moves))


def _current(records: Mapping[str, TraceRecord]) -> dict[str, TraceRecord]:
    return {id_: record for id_, record in records.items() if record.version and record.current}


def _moves(items: BulkItems, store: Store, records: TraceRecords) -> list[Reassignment]:
    """The lines that something in the index gives another home."""
    links = JoinKeys(store).load(dict.fromkeys(id_ for line, id_ in _requests(items)))
    told = {id_ for id_, link in links.items() if link.platform}
    places = [(action.create.index, action.create.id) for action, line in items if _may_move(line, told)]
    bare, streams = _bare(items)
    around = records.load(open_before(streams, store))
    # most functions are not traced, or their lines stood together in one batch
    places += bare if around else []
    if not places:
        return []
    hits = [hit for hit in store.get_many(list(dict.fromkeys(places)), source=(*FACTS, "attributes")) if hit]
    return assign_new(hits, links, around, store)


def _requests(items: BulkItems) -> Iterator[tuple[LogLine, str]]:
    """The requests of which this batch does not show the platform's record, so that another one may."""
    certain = {line.request_id for _, line in items if line.platform and line.id_source == "inline"}
    for _, line in items:
        if line.request_id and line.request_id not in certain:
            yield line, line.request_id
        if line.integration_request_id and not line.trace_id:
            yield line, line.integration_request_id


def _may_move(line: LogLine, told: set[str]) -> bool:
    return line.request_id in told or line.integration_request_id in told


def _bare(items: BulkItems) -> tuple[list[_Place], dict[LogStream, list[str]]]:
    """The places of lines in Lambda's log streams that lack a trace or a request, and their times (ISO 8601) by stream."""
    origins: dict[bytes, dict[str, str]] = {}
    places: list[_Place] = []
    streams: dict[LogStream, list[str]] = {}
    for action, line in items:
        # a platform's line, one with both, and one that stands in its request in this very batch know where they belong
        if line.event_name or line.origin is None or (line.trace_id and line.request_id) or line.id_source == "stream":
            continue
        aws = bytes(aws_of(line))
        origin = origins[aws] = origins.get(aws) or msgspec.json.decode(aws)
        if is_of_lambda(origin["logGroup"], origin["logStream"]):
            places.append((action.create.index, action.create.id))
            streams.setdefault(LogStream(origin["logGroup"], origin["logStream"]), []).append(line.timestamp)
    return places, streams


def _stale(items: BulkItems, moves: list[Reassignment]) -> Counter[str]:
    stale = Counter(line.service_name for _, line in items if line.stale_trace_id)
    stale.update(one.hit.source.get("serviceName", "") for one in moves if one.home.stale)
    return stale
