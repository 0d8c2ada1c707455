"""Look up: asks a trace source for the traces whose next look-up is due, and reads its answers into segments and facts."""

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest

import msgspec

from pipeline.errors import BadInputError
from pipeline.model.facts import LookupFact
from pipeline.model.lookups import FAILED, XRAY_KEEPS_DAYS, failed_since_answer
from pipeline.model.sampling import due_at, sampling_of
from pipeline.model.trace_state import EMPTY, TraceState, last_seen, merge
from pipeline.redact.redactor import Redactor
from pipeline.traces.read_document import read_trace_document
from pipeline.traces.segment import Segment, facts_of_segments, of_account
from pipeline.traces.sources.batch_get_traces import BatchGetTraces
from pipeline.traces.sources.run_sources import RunSources
from pipeline.traces.sources.source import LookupResult

_DAY_MS = 86_400_000


class TraceAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """What a trace source answered.

    Attributes:
        segments: of all traces, redacted.
        facts: by trace id: the facts of the segments, and the fact that the look-up was made, or failed.
        bad_documents: how many documents could not be read.
        put_off: how many due look-ups the budget or a throttle put off, or failed.
        failed: why look-ups failed, by the id of the trace: X-Ray did not answer, or refused the credentials.
        refusals: why accounts other than the stack's own refused look-ups, by the id of the trace; the failed ones among them are in both.
    """

    segments: Sequence[Segment]
    facts: Mapping[str, TraceState]
    bad_documents: int
    put_off: int
    failed: Mapping[str, str]
    refusals: Mapping[str, str]


def look_up(states: Mapping[str, TraceState], source: RunSources, *, redactor: Redactor, delays: Sequence[int],
            clock: Callable[[], float], force: bool = False, again: bool = False) -> TraceAnswers:  # fmt: skip
    """Looks up those of these traces that are due, by trace id, and reads the answers.

    Args:
        states: what is known of each trace.
        source: the trace sources to ask, each trace in the places in which it ran; BatchGetTraces is not asked for what is older than
            X-Ray keeps.
        redactor: removes secrets from what comes back.
        delays: seconds between the look-ups of a trace, the last of which repeats.
        clock: returns seconds since the epoch.
        force: whether traces that are not due are looked up, too.
        again: whether these are traces that were given up since the source was away: all are looked up, and a failure is no news.
    """
    wanted = {id_: state.first_line_at for id_, state in states.items() if force or again or _is_due(state, delays, clock())}
    now = int(clock() * 1000)
    expired = [id_ for id_ in wanted if source.name == BatchGetTraces.name and _is_expired(id_, states[id_], now)]
    asked = {id_: at for id_, at in wanted.items() if id_ not in set(expired)} if expired else wanted
    results = {
        **(source.look_up(asked, {id_: states[id_].places for id_ in asked}) if asked else {}),
        **dict.fromkeys(expired, LookupResult("expired")),
    }
    segments, bad_documents = _read(results, redactor)
    found = dict.fromkeys(results, EMPTY) | facts_of_segments(segments)
    made = {id_: LookupFact(at=result.at or now, outcome=result.outcome, source=source.name, segments=len(found[id_].segments),
                             refused_by=result.refused_by)
            for id_, result in results.items()}  # fmt: skip
    failed = {id_: result.reason for id_, result in results.items() if result.outcome in FAILED}
    told = {id_: fact for id_, fact in made.items() if id_ not in failed or (not again and _is_news(states[id_], delays, now))}
    facts = {id_: merge(found[id_], TraceState(lookups={str(fact.at): fact})) for id_, fact in told.items()}
    put_off = len(wanted) - len(results) + len(failed)
    refusals = {id_: result.reason for id_, result in results.items() if result.refused_by}
    return TraceAnswers(segments=segments, facts=facts, bad_documents=bad_documents, put_off=put_off, failed=failed, refusals=refusals)


def _is_due(state: TraceState, delays: Sequence[int], now: float) -> bool:
    """Whether the next look-up is due: the first at once, since its hint was delayed, the others at growing intervals.

    One that failed is due again as soon as somebody asks: a hint comes after its delay, and a sweep after some minutes.
    Where a line says that the trace was not sampled, the first is to be the last. So it waits until X-Ray would have all of it, but not
    for ever.
    """
    if not state.lookups:
        return sampling_of(state) != "said to be unsampled" or now * 1000 >= due_at(state, max(delays) * 1000)
    return bool(failed_since_answer(state)) or _is_after_delay(list(state.lookups.values()), delays, now)


def _is_expired(trace_id: str, state: TraceState, now_ms: int) -> bool:
    """Whether a trace is older than what X-Ray keeps: its lines, its segments, and the time in its id, which is about theirs.

    X-Ray's own ids begin with seconds since the epoch; another id says nothing of its time, and is asked for.
    """
    seen = last_seen(state)
    is_own_time = abs(int(trace_id[:8], 16) * 1000 - seen) <= _DAY_MS
    return 0 < seen < now_ms - XRAY_KEEPS_DAYS * _DAY_MS and is_own_time


def _is_news(state: TraceState, delays: Sequence[int], now_ms: int) -> bool:
    """Whether a failed look-up is noted: of those that follow each other sooner than look-ups are due, the first one is."""
    failed = failed_since_answer(state)
    return not failed or _is_after_delay(failed, delays, now_ms / 1000)


def _is_after_delay(lookups: Sequence[LookupFact], delays: Sequence[int], now: float) -> bool:
    last = max(lookup.at for lookup in lookups)
    return now * 1000 >= last + delays[min(len(lookups), len(delays) - 1)] * 1000


def _read(results: Mapping[str, LookupResult], redactor: Redactor) -> tuple[list[Segment], int]:
    """The segments in these results, and how many documents could not be read."""
    segments: list[Segment] = []
    bad_documents = 0
    for id_, result in results.items():
        for document, owner in zip_longest(result.documents, result.owners, fillvalue=""):
            try:
                read = read_trace_document(document, trace_id=id_, redactor=redactor)
                segments += [of_account(segment, owner) for segment in read] if owner else read
            except BadInputError:
                bad_documents += 1
    return segments, bad_documents
