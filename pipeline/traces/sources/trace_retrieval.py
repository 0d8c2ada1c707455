"""The source that asks for a retrieval of traces and then for what it found: what works while Transaction Search is on.

Source: AWS X-Ray API reference, StartTraceRetrieval (a hundred ids, a time range, a token that is good for an hour) and
ListRetrievedTraces (nothing before its status is COMPLETE; pages; segment documents or OpenTelemetry spans).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from pipeline.errors import BadInputError
from pipeline.model.trace_ids import parse_trace_id, to_xray
from pipeline.traces.sources.budget import CallBudget
from pipeline.traces.sources.source import LookupResult, TraceFormat, batched
from pipeline.traces.sources.xray_client import XRayClient

_IDS_PER_RETRIEVAL = 100
_TOKEN_LIFE = 3000.0
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 2.0
# a trace may begin before its first log line, and a clock may be wrong
_BEFORE = 900.0
_LONGEST_AGO = 30 * 86_400.0


class _Retrieval(msgspec.Struct):
    """One retrieval, with what it brought so far."""

    token: str
    ids: tuple[str, ...]
    started: float
    documents: dict[str, list[str]] = {}
    next_token: str = ""


class TraceRetrieval:
    """A `Source`. Retrievals run at X-Ray: what is not complete in time is asked for again by its token, not started again.

    Args:
        client: boto3's `xray` client.
        budget: what it may spend.
        trace_format: XRAY for segment documents, OTEL for OpenTelemetry spans.
        patience: seconds that one look-up waits for its retrievals.
        clock: seconds since the epoch.
        sleep: waits for so many seconds.
    """

    name = "StartTraceRetrieval"

    def __init__(self, client: Any, budget: CallBudget, *, trace_format: TraceFormat = "XRAY", patience: float = 10.0,
                 clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep) -> None:  # fmt: skip
        self._client = XRayClient(client, budget)
        self._format = trace_format
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._running: dict[str, _Retrieval] = {}
        self._kept: dict[str, LookupResult] = {}

    @property
    def calls(self) -> int:
        """How many calls were made so far."""
        return self._client.calls

    def look_up(self, wanted: Mapping[str, int]) -> dict[str, LookupResult]:
        """As `Source.look_up`; a trace whose retrieval still runs is missing, too."""
        now = self._clock()
        self._running = {token: run for token, run in self._running.items() if now - run.started < _TOKEN_LIFE}
        # an answer that came while nobody asked is as good, for a while
        kept = {id_: answer for id_, answer in self._kept.items() if now - answer.at / 1000 < _TOKEN_LIFE}
        underway = {id_ for run in self._running.values() for id_ in run.ids} | kept.keys()
        for ids in batched({id_: at for id_, at in wanted.items() if id_ not in underway}, _IDS_PER_RETRIEVAL):
            kept |= self._start(ids, wanted)
        kept |= self._collect({id_: at for id_, at in wanted.items() if id_ not in kept})
        self._kept = {id_: answer for id_, answer in kept.items() if id_ not in wanted}
        return {id_: answer for id_, answer in kept.items() if id_ in wanted}

    def _start(self, ids: Sequence[str], wanted: Mapping[str, int]) -> dict[str, LookupResult]:
        """Starts a retrieval; where X-Ray refuses it, one for each half, so that what it calls no id does not stop the others."""
        try:
            self._start_one(ids, wanted)
        except BadInputError:
            if len(ids) == 1:
                return {ids[0]: LookupResult("refused")}
            middle = len(ids) // 2
            return self._start(ids[:middle], wanted) | self._start(ids[middle:], wanted)
        return {}

    def _start_one(self, ids: Sequence[str], wanted: Mapping[str, int]) -> None:
        now = self._clock()
        begun = min(_began(id_, wanted[id_], now) for id_ in ids)
        answer = self._client.call(
            "start_trace_retrieval", TraceIds=[to_xray(id_) for id_ in ids],
            StartTime=datetime.fromtimestamp(begun - _BEFORE, UTC), EndTime=datetime.fromtimestamp(now, UTC),
        )  # fmt: skip
        if answer is not None:
            token = str(answer["RetrievalToken"])
            self._running[token] = _Retrieval(token, tuple(ids), now)

    def _collect(self, wanted: Mapping[str, int]) -> dict[str, LookupResult]:
        """The answers of every retrieval that ends while there is patience, also for those that nobody asks for now."""
        answers: dict[str, LookupResult] = {}
        deadline = self._clock() + self._patience
        pause = _FIRST_PAUSE
        while True:
            for run in self._of(wanted):
                if (found := self._list(run)) is not None:
                    answers |= found
                    del self._running[run.token]
                if self._client.enough:
                    return answers
            if not self._of(wanted) or self._clock() + pause > deadline:
                return answers
            self._sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _of(self, wanted: Mapping[str, int]) -> list[_Retrieval]:
        return [run for run in self._running.values() if not wanted.keys().isdisjoint(run.ids)]

    def _list(self, run: _Retrieval) -> dict[str, LookupResult] | None:
        """What a retrieval found, None while it runs or where it is enough for now: then it goes on from its page."""
        while True:
            further = {"NextToken": run.next_token} if run.next_token else {}
            try:
                page = self._client.call(
                    "list_retrieved_traces", go_on=bool(further), RetrievalToken=run.token, TraceFormat=self._format, **further
                )
            except BadInputError:
                # the token is no longer good: what it was for is asked for anew
                return dict.fromkeys(run.ids, LookupResult("unprocessed"))
            if page is None or page.get("RetrievalStatus") in {"SCHEDULED", "RUNNING"}:
                return None
            if page.get("RetrievalStatus") != "COMPLETE":
                return dict.fromkeys(run.ids, LookupResult("unprocessed"))
            for trace in page.get("Traces", ()):
                id_ = parse_trace_id(trace["Id"]) or trace["Id"]
                run.documents.setdefault(id_, []).extend(span["Document"] for span in trace.get("Spans", ()))
            run.next_token = page.get("NextToken") or ""
            if not run.next_token:
                return {id_: _answer(run, id_) for id_ in run.ids}


def _answer(run: _Retrieval, trace_id: str) -> LookupResult:
    documents = tuple(run.documents.get(trace_id, ()))
    # it speaks of the time when it began, however late it is read
    return LookupResult("found" if documents else "absent", documents, int(run.started * 1000))


def _began(trace_id: str, first_line_at: int, now: float) -> float:
    """About when a trace began, in seconds since the epoch: X-Ray's ids say it, others only have their first log line."""
    of_id = float(int(trace_id[:8], 16))
    known = [at for at in (of_id, first_line_at / 1000) if now - _LONGEST_AGO < at <= now]
    return min(known, default=now - _LONGEST_AGO)
