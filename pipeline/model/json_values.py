"""Plain: foreign JSON made into what can be stored: numbers that fit, text that is UTF-8, a depth with an end."""

import re
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite, nan
from typing import Any

from pipeline.model.facts import Annotation

# flat_object's own limit is 20 levels (OpenSearch, `mapping.depth.limit`)
_DEEPEST = 16
_LONGEST_INTEGER = 2**63
# X-Ray indexes keys of up to 500 characters and values of up to 1,000 (AWS X-Ray developer guide, "Annotations")
_KEY = re.compile(r"[A-Za-z0-9_:-]+(?:\.[A-Za-z0-9_:-]+)*", re.ASCII)
_LONGEST_KEY = 500
_LONGEST_VALUE = 1000


def number_of(text: str) -> Decimal | str:
    """A JSON number with a fraction or an exponent, without float error; one that no program can hold stays text."""
    try:
        return Decimal(text)
    except ArithmeticError:
        return text


def as_text(value: object) -> str:
    """``value`` where it is text, lone surrogates as question marks; else nothing."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def ascii_of(text: str) -> str:
    """``text`` as printable ASCII, a question mark for every other letter."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text)


def storable(value: Any, depth: int = 0) -> Any:
    """``value`` as JSON that every reader takes; what lies too deep becomes an ellipsis."""
    if isinstance(value, str):
        return as_text(value)
    if isinstance(value, Mapping | list | tuple):
        if depth >= _DEEPEST:
            return "…"
        if isinstance(value, Mapping):
            return {as_text(key): storable(entry, depth + 1) for key, entry in value.items()}
        return [storable(entry, depth + 1) for entry in value]
    if isinstance(value, Decimal | float):
        number = float(value) if value == value else nan  # noqa: PLR0124  # a signalling NaN is no float
        return number if isfinite(number) else str(value)
    if isinstance(value, int) and not -_LONGEST_INTEGER <= value < _LONGEST_INTEGER:
        return str(value)
    return value


def annotation(value: object) -> Annotation | None:
    """An annotation's value with its type: text, a number or a boolean; None where it is none of these."""
    found = storable(value) if isinstance(value, str | int | float | Decimal) else None
    return found[:_LONGEST_VALUE] if isinstance(found, str) else found


def is_annotation_key(key: object) -> bool:
    """Whether OpenSearch can search for ``key`` below a field."""
    return isinstance(key, str) and len(key) <= _LONGEST_KEY and _KEY.fullmatch(key) is not None
