"""Filter log events: reads the past events of a log group with FilterLogEvents, page by page, as portions of time.

Sources: Amazon CloudWatch Logs API reference, "FilterLogEvents": a page holds 1 MB or 10,000 events at most, and may be empty before the
end; events of all log streams mix, sorted by time; a token ends after 24 hours. AWS re:Post knowledge center, "How do I identify throttling
in my CloudWatch logs": 5 calls a second for an account and region.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pipeline.backfill.aws_errors import calling
from pipeline.backfill.log_group_names import ChosenLogGroup
from pipeline.backfill.portion import BEGINNING, Portion, Window
from pipeline.backfill.request_rate import RequestRate
from pipeline.backfill.stream_windows import Page, stream_windows
from pipeline.errors import BadInputError

ACTION: Final = "logs:FilterLogEvents"
CALLS_PER_SECOND: Final = 5.0
"""FilterLogEvents' quota for an account and region; AWS does not raise it."""

_DAY_MS: Final = 86_400_000


class TimePortion:
    """A portion of time of one log group, whose positions are milliseconds since the epoch.

    Args:
        group: the log group.
        client: boto3's `logs` client.
        rate: spaces the calls.
        since: the first millisecond.
        until: the last one.
        busy_since: when the events of the log group probably begin.
        pattern: a filter pattern of CloudWatch Logs; empty for all events.
    """

    def __init__(self, group: ChosenLogGroup, client: Any, rate: RequestRate, *, since: int, until: int, busy_since: int,
                 pattern: str) -> None:  # fmt: skip
        self._group = group
        self._client = client
        self._rate = rate
        self._since = since
        self._until = until
        self._busy_since = busy_since
        self._pattern = pattern
        self.key = f"{group.account}:{group.name} {since}-{until}"
        self.weight = _bytes_a_millisecond(group, busy_since, until) * max(until - max(since, busy_since), 1)

    def windows(self, position: int) -> Iterator[Window]:
        """As `Portion.windows`."""
        start = self._since if position == BEGINNING else position
        for window in stream_windows(self._pages(start), owner=self._group.account, log_group=self._group.name, since=self._since,
                                     until=self._until, whole=not self._pattern, busy_since=self._busy_since):  # fmt: skip
            # what is read again begins no earlier than before
            yield Window(documents=window.documents, position=max(window.position, start), share=window.share)

    def _pages(self, start: int) -> Iterator[Page]:
        more = {"filterPattern": self._pattern} if self._pattern else {}
        token, newest = "", start
        while True:
            asked = {"nextToken": token} if token else {}
            self._rate.wait()
            try:
                with calling(ACTION):
                    answer = self._client.filter_log_events(**self._group.identifier, startTime=start, endTime=self._until, **more, **asked)
            except BadInputError:
                if not token or newest == start:
                    raise
                # the token has expired: events that come twice are duplicates
                token, start = "", newest
                continue
            events: Page = answer.get("events", ())
            newest = max([newest, *(event.get("timestamp", 0) for event in events)])
            yield events
            if not answer.get("nextToken") or answer["nextToken"] == token:
                return
            token = answer["nextToken"]


def time_portions(
    groups: Sequence[ChosenLogGroup], client: Any, *, since: int, until: int, pattern: str, rate: RequestRate, at_once: int
) -> list[Portion]:
    """Splits a time, in milliseconds since the epoch, both ends included, so that ``at_once`` portions can be read at once.

    The portions of a log group follow each other without a gap. They are as long as each other where its events probably are.
    """
    parts = -(-at_once // len(groups))
    return [
        portion for each in groups for portion in _portions_of(each, client, rate, since=since, until=until, pattern=pattern, parts=parts)
    ]


def _portions_of(
    group: ChosenLogGroup, client: Any, rate: RequestRate, *, since: int, until: int, pattern: str, parts: int
) -> Iterator[TimePortion]:
    # events may be older than their log group, but few are
    busy_since = min(max(since, group.created_at, until - group.retention_days * _DAY_MS if group.retention_days else 0), until)
    length = -(-(until - busy_since + 1) // parts)
    for number, start in enumerate(range(busy_since, until + 1, length)):
        yield TimePortion(group, client, rate, since=start if number else since, until=min(start + length - 1, until),
                          busy_since=busy_since, pattern=pattern)  # fmt: skip


def _bytes_a_millisecond(group: ChosenLogGroup, busy_since: int, until: int) -> float:
    """About how many bytes of a log group are of each millisecond, as if its traffic were even; at least one in all."""
    began = group.created_at or busy_since
    return max(group.stored_bytes, 1) / max(until - began, 1)
