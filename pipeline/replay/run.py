"""Run: sends parked events and dead letters through `ship` once more, one after the other, and deletes what went through.

It may end anywhere, also by being killed: what was not deleted is still there, and what was shipped already is a duplicate the next time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipeline.configure import redactor_for
from pipeline.errors import BadInputError, UnavailableError
from pipeline.model.timestamps import iso
from pipeline.replay.choice import Choice
from pipeline.replay.letter_events import (
    event_of_entry,
    event_of_lines,
    event_of_record,
    kind_of,
    require_readable,
    segment_of,
    shipped_together,
)
from pipeline.replay.outcome import Outcome, Position, Result
from pipeline.replay.parked_bucket import ParkedBucket, ParkedObject
from pipeline.replay.sender import Sender
from pipeline.ship import Ledger
from pipeline.store import stored_letters
from pipeline.store.stored_letters import StoredLetter

_MOST_FAILURES: Final = 5
_REFUSED: Final = "OpenSearch refuses it as before"
_FILTERED: Final = "its account or its log group is not shipped"


@dataclass(slots=True)
class Replay:
    """A run of a replay.

    Attributes:
        sender: ships.
        bucket: the bucket of parked events; None for letters alone.
        choice: which are wanted.
        position: how far it came; another run that begins with it goes on behind.
        go_on: returns whether there is time for another one.
        stopped: whether the time was up before the end.
    """

    sender: Sender
    bucket: ParkedBucket | None
    choice: Choice
    position: Position = field(default_factory=Position)
    go_on: Callable[[], bool] = lambda: True
    stopped: bool = False
    _found: int = 0
    _failures: int = 0
    _last_failure: str = ""

    def outcomes(self) -> Iterator[Outcome]:
        """Yields what becomes of each that is wanted: first of the objects in the order of their keys, then of the letters, oldest first.

        Raises UnavailableError where several in a row failed, or S3 or OpenSearch can't be read, and MisconfiguredError where that is for
        good. What was yielded before is done.
        """
        if self.position.letters is None:
            yield from self._parked()
            if self.stopped:
                return
            self.position = Position(self.position.key, ())
        yield from self._letters()

    def _parked(self) -> Iterator[Outcome]:
        if self.bucket is None:
            return
        for parked in self.bucket.objects(self.choice, after=self.position.key):
            if self._ends():
                return
            outcome = self._object(parked, self.bucket)
            self.position = Position(parked.key)
            if outcome:
                self._found += 1
                yield outcome
                self._give_up_after_failures()

    def _object(self, parked: ParkedObject, bucket: ParkedBucket) -> Outcome | None:
        """What becomes of one object; None where its reason is not wanted."""
        total = Ledger()

        def ended(result: Result, reason: str = "") -> Outcome:
            return Outcome("parked", parked.key, result, reason, total)

        try:
            records = bucket.read(parked)
            if records is None:
                return ended("gone")
            if not any(self.choice.wants(record.reason) for record in records):
                return None
            bound = self.sender.settings.max_decompressed_bytes
            sizes = [require_readable(record.event, max_bytes=bound) for record in records]
        except BadInputError as error:
            return ended("unreadable", str(error)) if self.choice.wants(str(error)) else None
        try:
            for record, size in zip(records, sizes, strict=True):
                total.add(self.sender.event(record.event, size))
        except (UnavailableError, BadInputError) as error:
            return ended("kept", self._failed(error))
        self._failures = 0
        if not self.sender.dry_run:
            bucket.delete(parked)
        return ended("replayed")

    def _letters(self) -> Iterator[Outcome]:
        for page in self._pages():
            if self._ends():
                return
            wanted = [letter for letter in page if self.choice.wants(letter.reason)]
            if self.choice.limit is not None:
                wanted = wanted[: self.choice.limit - self._found]
            before = dict(zip((letter.id for letter in page), (self.position.letters, *(each.position for each in page)), strict=False))
            for group in shipped_together(wanted, self.sender.store.prefix):
                # all that stand before the first one of this group are done
                self.position = Position(self.position.key, before[group[0].id])
                if self._ends():
                    return
                self._found += len(group)
                yield from self._group(group)
                self._give_up_after_failures()
            self.position = Position(self.position.key, page[-1].position)

    def _pages(self) -> Iterator[list[StoredLetter]]:
        store = self.sender.store
        if self.choice.ids:
            yield from filter(None, [stored_letters.find_letters(store, self.choice.letters)])
            return
        since = iso(self.choice.since) if self.choice.since else ""
        yield from stored_letters.read_letters(store, since=since, after=self.position.letters or ())

    def _group(self, letters: Sequence[StoredLetter]) -> Iterator[Outcome]:
        """What becomes of letters that are shipped together."""
        try:
            ledger = self._ship(letters)
            through = self._through(letters, ledger)
            if not self.sender.dry_run:
                stored_letters.delete_letters(self.sender.store, through)
        except UnavailableError as error:
            reason = self._failed(error)
            yield from (Outcome("letter", letter.id, "kept", reason) for letter in letters)
        except BadInputError as error:
            if len(letters) == 1:
                yield Outcome("letter", letters[0].id, "unreadable", str(error))
                return
            # only one of them is bad
            for letter in letters:
                yield from self._group([letter])
        else:
            self._failures = 0
            reason = _FILTERED if ledger.filtered else _REFUSED
            for number, letter in enumerate(letters):
                went = letter.id in through
                yield Outcome("letter", letter.id, "replayed" if went else "kept", "" if went else reason, Ledger() if number else ledger)

    def _ship(self, letters: Sequence[StoredLetter]) -> Ledger:
        """Ships letters of log events of one log stream, or one other letter. Raises BadInputError where one can't be read, like before."""
        first = letters[0]
        kind = kind_of(first, self.sender.store.prefix)
        if kind == "line":
            return self.sender.event(event_of_lines(letters), len(letters))
        if kind == "span":
            return self.sender.span(segment_of(first))
        settings = self.sender.settings
        event = event_of_entry(first, redactor_for(settings)) if kind == "entry" else event_of_record(first)
        # else it would become a second letter
        return self.sender.event(event, require_readable(event, max_bytes=settings.max_decompressed_bytes, whole=True))

    def _through(self, letters: Sequence[StoredLetter], ledger: Ledger) -> list[str]:
        """The ids of those ``letters`` whose events went through."""
        if not (ledger.filtered or ledger.dead_lettered):
            return [letter.id for letter in letters]
        rest = {letter.id: {"@timestamp": letter.at, "index": letter.index} for letter in letters if letter.index}
        return stored_letters.indexed_among(self.sender.store, rest)

    def _ends(self) -> bool:
        """Whether there are as many as wanted, or no time for another."""
        if self.choice.limit is not None and self._found >= self.choice.limit:
            return True
        self.stopped = not self.go_on()
        return self.stopped

    def _failed(self, error: Exception) -> str:
        self._failures += 1
        self._last_failure = str(error)
        return self._last_failure

    def _give_up_after_failures(self) -> None:
        """Raises UnavailableError after some failures in a row, but not where it was about what failed, such as the index of a day."""
        if self._failures < _MOST_FAILURES:
            return
        try:
            stored_letters.count_letters(self.sender.store)
        except UnavailableError as error:
            raise UnavailableError(
                f"{self._failures} in a row could not be shipped, so all that are left stay where they are: {self._last_failure}"
            ) from error
        self._failures = 0
