"""Kept: what is read once, answer or failure."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from pipeline.errors import TracejoinError


class Cached:
    """Whose answers are kept.

    Attributes:
        kept: what was read, by who read it.
    """

    def __init__(self) -> None:
        self.kept: dict[Any, Any] = {}


S = TypeVar("S", bound=Cached)
T = TypeVar("T")
P = ParamSpec("P")


def cached_read(read: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Reads once; what failed fails again with the same words, without another call."""

    @wraps(read)
    def kept(self: S, /, *arguments: P.args, **named: P.kwargs) -> T:
        key = (read.__name__, arguments)
        if key not in self.kept:
            try:
                self.kept[key] = read(self, *arguments, **named)
            except TracejoinError as error:
                self.kept[key] = error
        found = self.kept[key]
        if isinstance(found, TracejoinError):
            raise found
        return cast("T", found)

    return kept
