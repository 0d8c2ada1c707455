"""Deliveries: what CloudWatch Logs and SQS have yet to hand over; they hand over at least once, in any order, and a tenth twice. Pure."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

_REDELIVERED: Final = 0.1
_TIMES: Final = 10
_LOST: Final = 0.1
_DOUBLED: Final = 0.1
_MOST_RECEIVES: Final = 3
_MESSAGES_PER_BATCH: Final = 10


@dataclass(slots=True)
class Message:
    """A hint in SQS: its body, and how often it was received."""

    body: str
    receives: int = 0


@dataclass(slots=True)
class Deliveries:
    """What waits.

    Args:
        events: how many events `ship` has to get.
        rng: decides the order, and what is lost or doubled.
        faulty: whether anything is; without, events come once, in order, and hints not at all: the sweep looks at each trace once.

    Attributes:
        arrived: the numbers of the events that `ship` took.
        hints: the waiting hints by message id.
    """

    events: int
    rng: random.Random
    faulty: bool
    arrived: set[int] = field(default_factory=set)
    hints: dict[str, Message] = field(default_factory=dict)
    lost: int = 0
    doubled: int = 0
    _waiting: list[int] = field(default_factory=list)
    _ids: int = 0

    def __post_init__(self) -> None:
        self._waiting = list(range(self.events))
        if self.faulty:
            again = [number for number in self._waiting if self.rng.random() < _REDELIVERED]
            # a tenth of a tenth comes ten times, the rest twice
            self._waiting += [number for number in again for _ in range(_TIMES - 1 if self.rng.random() < _REDELIVERED else 1)]
            self.rng.shuffle(self._waiting)
        self._waiting.reverse()

    @property
    def progress(self) -> float:
        """The share of the events that arrived."""
        return len(self.arrived) / max(self.events, 1)

    def next_event(self) -> int | None:
        """The number of an event for `ship`; None if none waits."""
        return self._waiting.pop() if self._waiting else None

    def event_again(self, number: int) -> None:
        """Puts an event back whose invocation failed."""
        self._waiting.insert(self.rng.randint(0, len(self._waiting)), number)

    def send(self, bodies: Iterable[str]) -> None:
        """Takes hints; a tenth gets lost, and a tenth is doubled."""
        for body in bodies if self.faulty else ():
            chance = self.rng.random()
            self.lost += chance < _LOST
            self.doubled += _LOST <= chance < _LOST + _DOUBLED
            for _ in range(0 if chance < _LOST else 2 if chance < _LOST + _DOUBLED else 1):
                self._ids += 1
                self.hints[str(self._ids)] = Message(body)

    def receive(self) -> dict[str, Message]:
        """Takes up to ten hints out of the queue."""
        waiting = list(self.hints)
        self.rng.shuffle(waiting)
        return {id_: self.hints.pop(id_) for id_ in waiting[:_MESSAGES_PER_BATCH]}

    def hint_again(self, id_: str, message: Message) -> None:
        """Puts a hint back whose invocation failed; after three times it is lost."""
        message.receives += 1
        if message.receives < _MOST_RECEIVES:
            self.hints[id_] = message
        else:
            self.lost += 1
