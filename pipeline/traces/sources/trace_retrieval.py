"""Trace retrieval: the source that starts a retrieval and then lists what it found. It works while Transaction Search is on.

Source: AWS X-Ray API reference, StartTraceRetrieval (a hundred ids, a time range, a token that is valid for an hour) and
ListRetrievedTraces (nothing before its status is COMPLETE; pages; segment documents or OpenTelemetry spans).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

import msgspec

from pipeline.errors import BadInputError, MisconfiguredError, UnavailableError
from pipeline.model.trace_ids import parse_trace_id, to_xray
from pipeline.traces.sources.budget import CallBudget
from pipeline.traces.sources.source import LookupResult, TraceFormat, batched, failed_lookup
from pipeline.traces.sources.xray_client import XRayClient

_IDS_PER_RETRIEVAL = 100
_TOKEN_LIFE = 3000.0
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 2.0
# a trace may begin before its first log line, and a clock may be wrong
_BEFORE = 900.0
_LONGEST_AGO = 30 * 86_400.0


class _Retrieval(msgspec.Struct):
    """One retrieval, with the documents that were listed so far."""

    token: str
    ids: tuple[str, ...]
    started: float
    documents: dict[str, list[str]] = {}
    next_token: str = ""


class TraceRetrieval:
    """A `TraceSource` that calls StartTraceRetrieval. A retrieval that is not complete in time is resumed by its token.

    Args:
        client: boto3's `xray` client.
        budget: the calls that it may make.
        trace_format: XRAY for segment documents, OTEL for OpenTelemetry spans.
        patience: seconds that one look-up waits for its retrievals.
        clock: seconds since the epoch.
        sleep: waits for a number of seconds.
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
        """As `TraceSource.look_up`; a trace whose retrieval still runs is missing, too."""
        now = self._clock()
        self._running = {token: retrieval for token, retrieval in self._running.items() if now - retrieval.started < _TOKEN_LIFE}
        # a result that came for a trace nobody wanted stays valid for a while
        kept = {id_: answer for id_, answer in self._kept.items() if now - answer.at / 1000 < _TOKEN_LIFE}
        underway = {id_ for retrieval in self._running.values() for id_ in retrieval.ids} | kept.keys()
        failed: LookupResult | None = None
        try:
            for ids in batched({id_: at for id_, at in wanted.items() if id_ not in underway}, _IDS_PER_RETRIEVAL):
                kept |= self._start(ids, wanted)
            self._collect(wanted, kept)
        except (UnavailableError, MisconfiguredError) as error:
            # a retrieval that runs is resumed by its token
            failed = failed_lookup(error)
        self._kept = {id_: answer for id_, answer in kept.items() if id_ not in wanted}
        found = {id_: answer for id_, answer in kept.items() if id_ in wanted}
        return found | dict.fromkeys((id_ for id_ in wanted if id_ not in found), failed) if failed else found

    def _start(self, ids: Sequence[str], wanted: Mapping[str, int]) -> dict[str, LookupResult]:
        """Starts a retrieval; if X-Ray refuses it, one for each half, so that one bad id does not stop the others."""
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
            "start_trace_retrieval", needs="RetrievalToken", TraceIds=[to_xray(id_) for id_ in ids],
            StartTime=datetime.fromtimestamp(begun - _BEFORE, UTC), EndTime=datetime.fromtimestamp(now, UTC),
        )  # fmt: skip
        if answer is not None:
            token = str(answer["RetrievalToken"])
            self._running[token] = _Retrieval(token, tuple(ids), now)

    def _collect(self, wanted: Mapping[str, int], answers: dict[str, LookupResult]) -> None:
        """Adds to ``answers`` what every retrieval found that ends in time and has a wanted trace without an answer."""
        deadline = self._clock() + self._patience
        pause = _FIRST_PAUSE
        while True:
            for retrieval in self._retrievals_of(wanted.keys() - answers.keys()):
                if (found := self._list(retrieval)) is not None:
                    answers |= found
                    del self._running[retrieval.token]
                if self._client.put_off:
                    return
            if not self._retrievals_of(wanted.keys() - answers.keys()) or self._clock() + pause > deadline:
                return
            self._sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _retrievals_of(self, wanted: AbstractSet[str]) -> list[_Retrieval]:
        return [retrieval for retrieval in self._running.values() if not wanted.isdisjoint(retrieval.ids)]

    def _list(self, retrieval: _Retrieval) -> dict[str, LookupResult] | None:
        """The results of a retrieval; None while it runs, or if a call is put off: the listing later resumes at its page."""
        while True:
            further = {"NextToken": retrieval.next_token} if retrieval.next_token else {}
            try:
                page = self._client.call(
                    "list_retrieved_traces", needs="RetrievalStatus", next_page=bool(further), RetrievalToken=retrieval.token,
                    TraceFormat=self._format, **further,
                )  # fmt: skip
            except BadInputError:
                # the token expired, so a later look-up starts a retrieval anew
                return dict.fromkeys(retrieval.ids, LookupResult("unprocessed"))
            if page is None or page.get("RetrievalStatus") in {"SCHEDULED", "RUNNING"}:
                return None
            if page.get("RetrievalStatus") != "COMPLETE":
                return dict.fromkeys(retrieval.ids, LookupResult("unprocessed"))
            for trace in page.get("Traces", ()):
                id_ = parse_trace_id(trace["Id"]) or trace["Id"]
                retrieval.documents.setdefault(id_, []).extend(span["Document"] for span in trace.get("Spans", ()))
            retrieval.next_token = page.get("NextToken") or ""
            if not retrieval.next_token:
                return {id_: _answer(retrieval, id_) for id_ in retrieval.ids}


def _answer(retrieval: _Retrieval, trace_id: str) -> LookupResult:
    documents = tuple(retrieval.documents.get(trace_id, ()))
    # the result holds for the time when the retrieval began, however late it is listed
    return LookupResult("found" if documents else "absent", documents, int(retrieval.started * 1000))


def _began(trace_id: str, first_line_at: int, now: float) -> float:
    """About when a trace began, in seconds since the epoch: by its id if X-Ray made that, else by its first log line."""
    of_id = float(int(trace_id[:8], 16))
    known = [at for at in (of_id, first_line_at / 1000) if now - _LONGEST_AGO < at <= now]
    return min(known, default=now - _LONGEST_AGO)
