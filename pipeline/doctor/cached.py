"""Cached: keeps the result or the failure of a read, so that it happens once."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from pipeline.errors import TracejoinError


class Cached:
    """The base of a class with `cached_read` methods.

    Attributes:
        kept: results and failures, by the method's name and its arguments.
    """

    def __init__(self) -> None:
        self.kept: dict[Any, Any] = {}


S = TypeVar("S", bound=Cached)
T = TypeVar("T")
P = ParamSpec("P")


def cached_read(read: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """A method that calls ``read`` once per arguments; where that raised a TracejoinError, every later call raises it again."""

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
