"""BatchGetTraces: the source that asks for five ids a call. It finds nothing while Transaction Search is on, and says so."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.errors import BadInputError, MisconfiguredError, UnavailableError
from pipeline.model.trace_ids import parse_trace_id, to_xray
from pipeline.traces.sources.budget import CallBudget
from pipeline.traces.sources.source import LookupResult, batched, failed_lookup
from pipeline.traces.sources.xray_client import XRayClient

# "Maximum number of 5 items" (AWS X-Ray API reference, BatchGetTraces)
_IDS_PER_CALL = 5
_SERVER_ERROR = 500
# calls in a row: one may fail for a trace's sake, several do for X-Ray's
_MOST_FAILURES = 3


class BatchGetTraces:
    """A `TraceSource` that calls BatchGetTraces.

    Args:
        client: boto3's `xray` client.
        budget: the calls that it may make.
        patience: seconds after which one look-up makes no further call.
        clock: monotonic time in seconds.
    """

    name = "BatchGetTraces"

    def __init__(self, client: Any, budget: CallBudget, *, patience: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = XRayClient(client, budget)
        self._patience = patience
        self._clock = clock

    @property
    def calls(self) -> int:
        """How many calls were made so far."""
        return self._client.calls

    def look_up(self, wanted: Mapping[str, int]) -> dict[str, LookupResult]:
        """As `TraceSource.look_up`; what is not asked for within the source's patience is missing, too."""
        answers: dict[str, LookupResult] = {}
        deadline = self._clock() + self._patience
        failures = 0
        for ids in batched(wanted, _IDS_PER_CALL):
            try:
                found = self._ask_apart(ids)
            except (UnavailableError, MisconfiguredError) as error:
                found = dict.fromkeys(ids, failed_lookup(error))
                failures += 1
                if error.status < _SERVER_ERROR or failures >= _MOST_FAILURES:
                    return self._told_apart(answers | dict.fromkeys((id_ for id_ in wanted if id_ not in answers), failed_lookup(error)))
            else:
                failures = 0
            if found is None:
                break
            answers |= found
            if self._clock() > deadline:
                break
        return self._told_apart(answers)

    def _told_apart(self, answers: dict[str, LookupResult]) -> dict[str, LookupResult]:
        """The answers, where those for absent traces say whether Transaction Search is why."""
        absent = [id_ for id_, answer in answers.items() if answer.outcome == "absent"]
        if not absent:
            return answers
        try:
            disabled = self._client.goes_to_cloudwatch()
        except (UnavailableError, MisconfiguredError) as error:
            return answers | dict.fromkeys(absent, failed_lookup(error))
        return answers | dict.fromkeys(absent, LookupResult("sourceDisabled")) if disabled else answers

    def _ask_apart(self, ids: Sequence[str]) -> dict[str, LookupResult] | None:
        """As `_ask`; if X-Ray refuses the ids together, each is asked for alone, so that one bad id does not stop the others."""
        try:
            return self._ask(ids)
        except BadInputError:
            if len(ids) == 1:
                return {ids[0]: LookupResult("refused")}
        answers: dict[str, LookupResult] = {}
        for id_ in ids:
            found = self._ask_apart([id_])
            if found is None:
                break
            answers |= found
        return answers

    def _ask(self, ids: Sequence[str]) -> dict[str, LookupResult] | None:
        """The results of one call's ids, by id; None if the budget or a throttle puts the call off."""
        documents: dict[str, list[str]] = {}
        limited: set[str] = set()
        unprocessed: set[str] = set()
        request: dict[str, Any] = {"TraceIds": [to_xray(id_) for id_ in ids]}
        while True:
            page = self._client.call("batch_get_traces", needs="Traces", next_page="NextToken" in request, **request)
            if page is None:
                return None
            for trace in page["Traces"]:
                id_ = parse_trace_id(trace["Id"]) or trace["Id"]
                documents.setdefault(id_, []).extend(segment["Document"] for segment in trace.get("Segments", ()))
                if trace.get("LimitExceeded"):
                    limited.add(id_)
            unprocessed |= {parse_trace_id(id_) or id_ for id_ in page.get("UnprocessedTraceIds", ())}
            if not page.get("NextToken"):
                break
            request["NextToken"] = page["NextToken"]
        return {id_: _answer(tuple(documents.get(id_, ())), limited=id_ in limited, unprocessed=id_ in unprocessed) for id_ in ids}


def _answer(documents: tuple[str, ...], *, limited: bool, unprocessed: bool) -> LookupResult:
    if limited:
        return LookupResult("limitExceeded", documents)
    return LookupResult("found" if documents else "unprocessed" if unprocessed else "absent", documents)
