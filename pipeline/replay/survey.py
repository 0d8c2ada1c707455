"""Survey: parked events and dead letters counted by reason, to see what a replay would meet."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

import msgspec

from pipeline.errors import BadInputError
from pipeline.model.timestamps import iso
from pipeline.replay.choice import Choice, alike
from pipeline.replay.outcome import Source
from pipeline.replay.parked_bucket import ParkedBucket, ParkedObject
from pipeline.store.client import Store
from pipeline.store.stored_letters import read_letters

_MOST_IDS = 10


class ReasonCount(msgspec.Struct):
    """Parked events or dead letters with one reason, but for the numbers in it.

    Attributes:
        source: parked, objects in the bucket, or letter.
        readable: whether they hold an event that can be sent again.
        oldest: the time of the oldest, ISO 8601, UTC, as is newest.
        ids: the first of them.
    """

    source: Source
    reason: str
    readable: bool
    count: int = 0
    oldest: str = ""
    newest: str = ""
    ids: list[str] = []

    def add(self, id_: str, at: str) -> None:
        """Counts one more."""
        self.count += 1
        self.oldest = min(self.oldest or at, at)
        self.newest = max(self.newest, at)
        if len(self.ids) < _MOST_IDS:
            self.ids.append(id_)


class Survey:
    """Counts by reason, the most frequent first; whoever wants to show how far it is iterates over `look`."""

    def __init__(self) -> None:
        self._groups: dict[tuple[Source, str, bool], ReasonCount] = {}

    def counts(self) -> list[ReasonCount]:
        """What was counted so far."""
        return sorted(self._groups.values(), key=lambda group: (-group.count, group.source, group.reason))

    def look(self, store: Store, bucket: ParkedBucket | None, choice: Choice) -> Iterator[None]:
        """Counts what ``choice`` wants, up to its limit of objects and of letters each; yields after each one that it read.

        Raises MisconfiguredError and UnavailableError like the bucket and the store.
        """
        if bucket:
            for parked in islice(bucket.objects(choice), choice.limit):
                self._count_parked(parked, bucket, choice)
                yield
        since = iso(choice.since) if choice.since else ""
        letters = (letter for page in read_letters(store, since=since) for letter in page)
        for letter in islice(letters, choice.limit):
            if choice.wants(letter.reason):
                self._count("letter", letter.reason, letter.id, letter.at)
            yield

    def _count_parked(self, parked: ParkedObject, bucket: ParkedBucket, choice: Choice) -> None:
        try:
            records = bucket.read(parked)
            # gone: somebody else sends it again right now
            reason, readable = (records[0].reason, True) if records else ("", False)
        except BadInputError as error:
            records, reason, readable = None, str(error), False
        if (records or reason) and choice.wants(reason):
            self._count("parked", reason, parked.key, _iso(parked.at), readable=readable)

    def _count(self, source: Source, reason: str, id_: str, at: str, *, readable: bool = True) -> None:
        key = source, alike(reason), readable
        self._groups.setdefault(key, ReasonCount(*key)).add(id_, at)


def _iso(at: datetime) -> str:
    return iso(at, "seconds")
