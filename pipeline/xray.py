"""The edge to X-Ray: look up traces by id, within a budget, and say plainly what came back."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.ids import parse_trace_id, to_xray
from pipeline.state import Outcome

# "Maximum number of 5 items" (AWS X-Ray API reference, BatchGetTraces)
_IDS_PER_CALL = 5
_THROTTLED = frozenset({"ThrottledException", "ThrottlingException", "TooManyRequestsException"})
_REFUSED = frozenset({"AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException",
                      "ExpiredTokenException", "InvalidClientTokenId"})  # fmt: skip


class Answer(msgspec.Struct, frozen=True):
    """What X-Ray has on one trace: how the look-up ended, and the segment documents as JSON text."""

    outcome: Outcome
    documents: tuple[str, ...] = ()


class Source(Protocol):
    """Where traces come from."""

    calls: int

    def look_up(self, trace_ids: Sequence[str]) -> dict[str, Answer]:
        """An answer for each trace that was asked for; those that the budget or a throttle put off are missing."""


class Budget:
    """A token bucket: so many calls a minute, a minute's worth at once at most."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._most = float(per_minute)
        self._left = self._most
        self._clock = clock
        self._at = clock()

    def take(self) -> bool:
        """Whether one more call may be made now."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class BatchGetTraces:
    """The source that asks BatchGetTraces, five ids a call.

    Args:
        client: boto3's `xray` client; its own retries should be few, since a throttled id is simply asked again later.
        budget: what it may spend.
    """

    def __init__(self, client: Any, budget: Budget) -> None:
        self._client = client
        self._budget = budget
        self._disabled: bool | None = None
        self.calls = 0

    def look_up(self, trace_ids: Sequence[str]) -> dict[str, Answer]:
        """An answer for each trace that X-Ray was asked for and that it processed.

        Raises UnavailableError where X-Ray does not answer, MisconfiguredError where it refuses these credentials.
        """
        answers: dict[str, Answer] = {}
        for ids in _fives(trace_ids):
            found = self._ask(ids)
            if found is None:
                break
            answers |= found
        if any(answer.outcome == "absent" for answer in answers.values()) and self._is_disabled():
            return {id_: Answer("sourceDisabled") if answer.outcome == "absent" else answer
                    for id_, answer in answers.items()}  # fmt: skip
        return answers

    def _ask(self, ids: Sequence[str]) -> dict[str, Answer] | None:
        """The answers to one group of ids; None where the budget or X-Ray says that it is enough for now."""
        traces: dict[str, list[str]] = {}
        limited: set[str] = set()
        unprocessed: set[str] = set()
        request: dict[str, Any] = {"TraceIds": [to_xray(id_) for id_ in ids]}
        while True:
            page = self._call(request)
            if page is None:
                return None
            for trace in page.get("Traces", ()):
                id_ = parse_trace_id(trace["Id"]) or trace["Id"]
                documents = traces.setdefault(id_, [])
                documents += [segment["Document"] for segment in trace.get("Segments", ())]
                if trace.get("LimitExceeded"):
                    limited.add(id_)
            unprocessed |= {parse_trace_id(id_) or id_ for id_ in page.get("UnprocessedTraceIds", ())}
            if not page.get("NextToken"):
                break
            request["NextToken"] = page["NextToken"]
        return {id_: _answer(traces.get(id_, []), limited=id_ in limited)
                for id_ in ids if id_ in traces or id_ not in unprocessed}  # fmt: skip

    def _call(self, request: dict[str, Any]) -> dict[str, Any] | None:
        if not self._budget.take():
            return None
        self.calls += 1
        try:
            answer: dict[str, Any] = self._client.batch_get_traces(**request)
        except (ClientError, BotoCoreError) as error:
            if _code(error) in _THROTTLED:
                return None
            raise _mapped(error) from error
        return answer

    def _is_disabled(self) -> bool:
        """Whether Transaction Search is on: then "You cannot find traces through this API" (API reference)."""
        if self._disabled is None:
            try:
                self._disabled = self._client.get_trace_segment_destination().get("Destination") == "CloudWatchLogs"
            except (ClientError, BotoCoreError) as error:
                # asking is a courtesy: a role without this permission still gets its traces
                if _code(error) not in _REFUSED | _THROTTLED:
                    raise _mapped(error) from error
                return False
        return self._disabled


def _fives(trace_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(trace_ids), _IDS_PER_CALL):
        yield trace_ids[start : start + _IDS_PER_CALL]


def _answer(documents: Iterable[str], *, limited: bool) -> Answer:
    found = tuple(documents)
    return Answer("limitExceeded" if limited else "found" if found else "absent", found)


def _code(error: ClientError | BotoCoreError) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def _mapped(error: ClientError | BotoCoreError) -> UnavailableError | MisconfiguredError:
    if _code(error) in _REFUSED:
        return MisconfiguredError([f"X-Ray refuses these credentials: {error}"])
    return UnavailableError(f"X-Ray does not answer: {error}")
