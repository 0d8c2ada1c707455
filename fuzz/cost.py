"""Cost: finds texts whose CPU time grows faster than their length, by doubling them.

A text is a beginning, a piece that is repeated, and an end. No limit of time decides, since machines differ: what is four times as long
may cost four times as much.
"""

import gc
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from random import Random
from typing import Final

import msgspec

from fuzz.target import Target, Violation
from fuzz.text_mutators import BRACKETS

_SHORTEST: Final = 256
_LONG: Final = 16_384
_LONGEST: Final = 262_144
# one look at a text costs no more than this many seconds, since it may be seen to grow before the longest
_ENOUGH: Final = 0.05
_TOO_MUCH: Final = 2.0
_LONGEST_PIECE: Final = 1000
_LEAST: Final = 0.004
# linear is 4, quadratic is 16
_MOST_GROWTH: Final = 9.0
_ROUNDS: Final = 3


class Growth(msgspec.Struct, frozen=True):
    """The text of a probe: what is repeated, what stands around it, and what closes each repetition at the end, as brackets do."""

    before: str
    piece: str
    behind: str
    closing: str = ""

    def text(self, length: int) -> str:
        """The text at this length, about."""
        times = max(length // len(self.piece + self.closing), 1)
        return self.before + self.piece * times + self.closing * times + self.behind


class Cost(msgspec.Struct, frozen=True):
    """What a probe showed: nanoseconds of CPU time for each character, and the growth at four times the length (4 is linear)."""

    growth: Growth
    per_character: float
    ratio: float

    @property
    def too_dear(self) -> bool:
        """Whether it grows faster than its length."""
        return self.ratio > _MOST_GROWTH


def growth_of(target: Target, random: Random) -> Growth:
    """The text of a probe; the same state of ``random`` makes the same one."""
    mutator = target.mutator
    piece, closing = "".join(mutator.piece(random) for _ in range(random.randrange(1, 4))) or "x", ""
    kind = random.randrange(6)
    if kind == 0:
        piece = mutator.mutated(random)[:_LONGEST_PIECE] or "x"
    elif kind == 1:
        opening, closing = random.choice(BRACKETS)
        piece = random.choice(("", mutator.piece(random))) + opening
    before, behind = (random.choice(("", mutator.piece(random), mutator.mutated(random)[:_LONGEST_PIECE])) for _ in range(2))
    return Growth(before, piece, behind, closing)


def cost_of(target: Target, growth: Growth) -> Cost:
    """Measures a probe; what looks dear is measured again, since a busy machine is no finding."""
    cost = _measured(target, growth, rounds=1)
    return _measured(target, growth, rounds=_ROUNDS) if cost.too_dear else cost


def _measured(target: Target, growth: Growth, *, rounds: int) -> Cost:
    length, seconds = _SHORTEST, [_seconds(target, growth.text(_SHORTEST), rounds)]
    # what is dear when short may be bounded, such as by a depth: so it is looked at when it is longer, too
    while length < _LONGEST and seconds[-1] < (_ENOUGH if length >= _LONG else _TOO_MUCH):
        length *= 2
        seconds.append(_seconds(target, growth.text(length), rounds))
    if len(seconds) < 3:
        # a few hundred characters that take seconds
        return Cost(growth, seconds[-1] / length * 1e9, inf)
    ratio = seconds[-1] / max(seconds[-3], 1e-6) if seconds[-1] > _LEAST else 0.0
    return Cost(growth, seconds[-1] / length * 1e9, ratio)


def _seconds(target: Target, text: str, rounds: int) -> float:
    """The least CPU time of some checks of ``text``."""
    given = target.of_text(text)
    return min(_timed(lambda: _checked(target, given)) for _ in range(rounds))


def _timed(run: Callable[[], None]) -> float:
    gc.disable()
    try:
        begun = time.thread_time()
        run()
        return time.thread_time() - begun
    finally:
        gc.enable()


def _checked(target: Target, given: object) -> None:
    # what is wrong with the content is the campaign's to find
    with suppress(Violation, *target.documented):
        target.check(given)
