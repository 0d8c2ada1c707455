"""Held traces: what the lines in hints tell, so that a search finds nothing more for most traces.

`resolve` searches for the lines of a trace that carry an older verdict, and for lines of its requests that are assigned elsewhere. It
need not where all of that is known to be in the hint:

- The trace has its first verdict now. So its lines are pending. Those in the hint get their verdict; whoever indexed others sends a hint
  of them, too, or finds the trace's record; and what is lost is pending, which the sweep finds. Where lines are not pending, since the
  record answers for them, it names the batches that opened it, and all of these are in hints.
- The START and the end of each of its invocations are in one batch of a log stream: no other batch holds lines between the two, nor was
  there another attempt, whose lines would have `sought` the request.
- The join keys of its requests name no other trace, and no line without a trace has `sought` them, or its calls of PutEvents.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from pipeline.errors import BadInputError
from pipeline.join.by_request import sought_calls
from pipeline.model.facts import RequestFact
from pipeline.model.invocations import ENDS, STARTS, LogStream, stream_of, windows_of
from pipeline.model.line_states import IN_RECORD
from pipeline.store.held_lines import HeldLines, batch_digest
from pipeline.store.join_keys import JoinKey
from pipeline.store.results import Hit
from pipeline.store.trace_document import TraceRecord

_Batch = list[Hit | None]


class HeldTraces:
    """The lines in some hints, by trace.

    Args:
        hints: the trace ids of each hint, and its lines, if it has any; those that can't be read count as none.
    """

    def __init__(self, hints: Iterable[tuple[Iterable[str], HeldLines | None]] = ()) -> None:
        self._lines: dict[str, dict[tuple[str, str], Hit]] = {}
        self._uncertain: set[str] = set()
        self._whole: set[tuple[LogStream, str]] = set()
        self._batches: defaultdict[str, set[str]] = defaultdict(set)
        for trace_ids, lines in hints:
            if lines is None or not self._reads(lines):
                self._uncertain.update(trace_ids)

    def lines_of(self, trace_ids: Iterable[str]) -> list[Hit]:
        """Returns the lines that name these traces, each once."""
        found: dict[tuple[str, str], Hit] = {}
        for id_ in trace_ids:
            found |= self._lines.get(id_, {})
        return list(found.values())

    def has(self, trace_id: str) -> bool:
        """Whether there are lines of the trace, and each line of their batches that names it is among them."""
        return trace_id in self._lines and trace_id not in self._uncertain

    def suffice(self, record: TraceRecord, join_keys: Mapping[str, JoinKey]) -> bool:
        """Whether a search would find no other line to bring up to date with the record of a trace, as the module says.

        ``join_keys`` are those that the trace shows, as stored.
        """
        return self.has(record.trace_id) and record.version == 1 and record.knows_all_lines and not sought_calls(record, join_keys) and all(
            self.is_whole(request) and _is_alone(join_keys.get(request.request_id), record.trace_id)
            for request in record.state.requests.values() if request.platform
        )  # fmt: skip

    def batches_of(self, trace_id: str) -> AbstractSet[str]:
        """The digests of the batches whose lines of the trace `lines_of` returns, as far as its record answers for them."""
        return self._batches[trace_id] if self.has(trace_id) else frozenset()

    def is_whole(self, request: RequestFact) -> bool:
        """Whether all attempts of a request are one, which stands in one batch, so that no other batch has lines of it."""
        runs = [(LogStream(request.log_group, stream, request.account), marks) for stream, marks in request.runs.items()]
        return len(runs) == 1 and not request.elsewhere and all(
            (stream, request.request_id) in self._whole and len(marks.starts) == 1 and len(list(windows_of(marks))) == 1
            for stream, marks in runs
        )  # fmt: skip

    def _reads(self, lines: HeldLines) -> bool:
        try:
            hits = lines.hits()
        except BadInputError:
            return False
        for part in lines.parts():
            self._read_batch(hits[part])
        for id_, line_ids in _left_as_shipped(hits).items():
            self._batches[id_].add(batch_digest(line_ids))
        return True

    def _read_batch(self, batch: _Batch) -> None:
        """Reads the lines of one batch of a log stream; a line without a version may name any of their traces."""
        present = [hit for hit in batch if hit]
        named = {id_ for hit in present for id_ in _traces_in(hit)}
        if len(present) < len(batch) or _may_interleave(present):
            self._uncertain |= named
        else:
            self._whole |= _whole_requests(present)
        for hit in present:
            for id_ in _traces_in(hit):
                self._lines.setdefault(id_, {})[hit.index, hit.id] = hit


def _traces_in(hit: Hit) -> list[str]:
    return [id_ for id_ in (hit.source.get("traceId"), hit.source.get("staleTraceId")) if id_]


def _left_as_shipped(hits: Iterable[Hit | None]) -> dict[str, list[str]]:
    """The ids of the lines that their traces' records answer for, by trace."""
    found: dict[str, list[str]] = {}
    for hit in hits:
        if hit and (hit.source.get("trace") or {}).get("state") == IN_RECORD:
            found.setdefault(hit.source["traceId"], []).append(hit.id)
    return found


def _may_interleave(batch: Iterable[Hit]) -> bool:
    """Whether a batch of Lambda's JSON format has lines that another batch may assign otherwise: those that name no request or trace."""
    sources = [hit.source for hit in batch]
    is_json = any(str(source.get("eventName", "")).startswith("platform.") for source in sources)
    return is_json and any(
        not source.get("eventName") and not (source.get("traceId") and source.get("requestId") and source.get("idSource") != "stream")
        for source in sources
    )


def _whole_requests(batch: Iterable[Hit]) -> set[tuple[LogStream, str]]:
    """The requests whose START and end stand in a batch, with its log stream."""
    begun: set[str] = set()
    found: set[tuple[LogStream, str]] = set()
    for hit in batch:
        event, request_id = hit.source.get("eventName"), hit.source.get("requestId")
        if event in STARTS and request_id:
            begun.add(request_id)
        elif event in ENDS and request_id in begun:
            found.add((stream_of(hit.source), request_id))
    return found


def _is_alone(join_key: JoinKey | None, trace_id: str) -> bool:
    """Whether nothing but the trace itself has ever shown the id of one of its requests."""
    return join_key is not None and not join_key.sought and join_key.seen_in | {id_ for id_, _ in join_key.platform} == {trace_id}
