"""Target: what every part of the pipeline under fuzz has: inputs made by chance, and a check of what comes of one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar, TypeAlias

from fuzz.text_mutators import TextMutator

Input: TypeAlias = Any
"""A JSON value, which may hold lone surrogates: so it can be printed, stored, and made smaller piece by piece."""


class Violation(AssertionError):  # noqa: N818  # it is what was found, not what went wrong
    """Raised by a check for a promise that an input breaks."""


class Target(ABC):
    """A part of the pipeline, and the texts that its inputs are made of.

    Args:
        texts: real texts of this kind.
        pieces: what mutations insert.
    """

    name: ClassVar[str]
    documented: ClassVar[tuple[type[Exception], ...]] = ()
    """The exceptions that may escape."""

    def __init__(self, texts: Sequence[str], pieces: Sequence[str]) -> None:
        self.texts = texts
        self.mutator = TextMutator(texts, pieces)

    def make(self, random: Random) -> Input:
        """Makes an input; the same state of ``random`` makes the same one."""
        return self.of_text(self.mutator.mutated(random))

    def of_text(self, text: str) -> Input:
        """The input that holds ``text`` alone, which may be very long."""
        return text

    @abstractmethod
    def check(self, given: Input) -> None:
        """Hands ``given`` to the pipeline. Raises Violation if a promise is broken, else only what escapes the pipeline."""


def hold(promise: str, condition: object) -> None:
    """Raises a Violation with ``promise``, what should hold, unless ``condition`` is true."""
    if not condition:
        raise Violation(promise)
