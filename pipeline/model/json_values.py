"""JSON values: makes foreign JSON storable, with numbers that fit, text that is UTF-8, and bounded depth."""

import re
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
    """Parses a JSON number with a fraction or an exponent into an exact Decimal; a number too large for one stays text."""
    try:
        return Decimal(text)
    except ArithmeticError:
        return text


def as_text(value: object) -> str:
    """Returns ``value`` if it is text, with question marks for lone surrogates; else the empty text."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def ascii_of(text: str) -> str:
    """Returns ``text`` as printable ASCII, with a question mark for every other character."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text)


def storable(value: Any, depth: int = 0) -> Any:
    """Returns ``value`` as JSON that OpenSearch stores; an array or object below 16 levels becomes an ellipsis."""
    if isinstance(value, str):
        return as_text(value)
    if isinstance(value, dict | list | tuple):
        if depth >= _DEEPEST:
            return "…"
        if isinstance(value, dict):
            return {as_text(key): storable(entry, depth + 1) for key, entry in value.items()}
        return [storable(entry, depth + 1) for entry in value]
    if isinstance(value, Decimal | float):
        number = float(value) if value == value else nan  # noqa: PLR0124  # a signalling NaN is no float
        return number if isfinite(number) else str(value)
    if isinstance(value, int) and not -_LONGEST_INTEGER <= value < _LONGEST_INTEGER:
        return str(value)
    return value


def annotation(value: object) -> Annotation | None:
    """Returns the value of an annotation as text (at most 1,000 characters), number or boolean; None if it is none of these."""
    found = storable(value) if isinstance(value, str | int | float | Decimal) else None
    return found[:_LONGEST_VALUE] if isinstance(found, str) else found


def is_annotation_key(key: object) -> bool:
    """Whether OpenSearch can search for ``key`` below a field: at most 500 safe characters, with no empty part between dots."""
    return isinstance(key, str) and len(key) <= _LONGEST_KEY and _KEY.fullmatch(key) is not None
