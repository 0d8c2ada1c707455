"""JSON mutators: change a JSON value at one of its places: another type, a missing or doubled entry, a value from elsewhere."""

import copy
from collections.abc import Sequence
from random import Random
from typing import Any, Final, TypeAlias

from fuzz.text_mutators import TextMutator

_MOST_CHANGES: Final = 4
_HUGE: Final = 10**30
ODD_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, float("nan"), float("inf"), -0.0, 1e308, 2**63, -(2**63) - 1, _HUGE, "", " ", "x", "0", "-1", "9" * 400,
    "1e999", "NaN", "true", [], {}, [None], [[]], {"": None}, {"a": {}}, ["x", 1], "\ud800", "\x00", "10.0.0.1", "{", '{"a":1}', "[1",
    "1970-01-01T00:00:00Z", "é" * 300,
)  # fmt: skip
Place: TypeAlias = tuple[list[Any] | dict[Any, Any], Any]


class JsonMutator:
    """Changes JSON values.

    Args:
        values: real values, whose parts are put into others.
        text: changes the texts in them.
    """

    def __init__(self, values: Sequence[Any], text: TextMutator) -> None:
        self._values = values
        self._text = text

    def mutated(self, random: Random, value: Any = None) -> Any:
        """A copy of one of the values, or of ``value``, after up to four changes."""
        whole = [copy.deepcopy(random.choice(self._values) if value is None else value)]
        for _ in range(random.randrange(_MOST_CHANGES + 1)):
            self._change(random, whole)
        return whole[0]

    def _change(self, random: Random, whole: list[Any]) -> None:
        parent, key = random.choice(places(whole))
        content = parent[key]
        kind = random.randrange(9)
        if kind == 0:
            parent[key] = copy.deepcopy(random.choice(ODD_VALUES))
        elif kind == 1 and parent is not whole:
            del parent[key]
        elif kind == 2:
            self._double(random, parent, key)
        elif kind == 3:
            other, place = random.choice(places([random.choice(self._values)]))
            parent[key] = copy.deepcopy(other[place])
        elif kind == 4:
            parent[key] = _nested(random, content)
        elif kind == 5 and isinstance(parent, dict):
            parent[self._text.piece(random)] = parent.pop(key)
        elif kind == 6 and isinstance(content, int | float):
            parent[key] = random.choice((str(content), -content, content * 1000, [content]))
        elif isinstance(content, str):
            parent[key] = self._text.mutated(random, content)
        elif isinstance(content, dict):
            content[self._text.piece(random)] = copy.deepcopy(random.choice(ODD_VALUES))

    def _double(self, random: Random, parent: list[Any] | dict[Any, Any], key: Any) -> None:
        if isinstance(parent, list):
            parent.insert(key, copy.deepcopy(parent[key]))
        else:
            parent[random.choice((str(key).upper(), f"{key}2", self._text.piece(random)))] = copy.deepcopy(parent[key])


def places(whole: list[Any]) -> list[Place]:
    """Every place in a value: the array or object that holds it, and its index or key there; the first is the whole itself."""
    found: list[Place] = [(whole, 0)]
    for parent, key in found:
        content = parent[key]
        if isinstance(content, dict):
            found += [(content, name) for name in content]
        elif isinstance(content, list):
            found += [(content, number) for number in range(len(content))]
    return found


def _nested(random: Random, content: Any) -> Any:
    depth = 1 << random.randrange(1, 8 if not random.randrange(20) else 4)
    for _ in range(depth):
        content = [content] if random.randrange(2) else {"a": content}
    return content
