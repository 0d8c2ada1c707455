"""Correlation paths: reads correlation ids from JSON lines by the user's JMESPath expressions, as Powertools' correlation paths do.

It is imported only if paths are set, since it has to decode each line into a dictionary, which nothing else does.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError

from pipeline.logs.extract.json_keys import DECODE_ERRORS, without_half_pairs
from pipeline.logs.extract.log_line import LogLine
from pipeline.model.trace_ids import parse_correlation_id

_MOST = 20


def paths(text: str) -> tuple[str, ...]:
    """The JMESPath expressions in ``text``, separated by semicolons or line ends. Raises ValueError if one is invalid."""
    found = tuple(part.strip() for line in text.splitlines() for part in line.split(";") if part.strip())
    for path in found:
        try:
            jmespath.compile(path)
        except JMESPathError as error:
            raise ValueError(f"{path!r} is no JMESPath: {str(error).splitlines()[0]}") from None
    return found


def reader_for(expressions: Sequence[str]) -> Callable[[LogLine, str], None]:
    """Returns a function that adds to a JSON line the ids that ``expressions`` find in it: text, whole numbers, and lists of these."""
    compiled = [jmespath.compile(expression) for expression in expressions]

    def read(line: LogLine, message: str) -> None:
        if line.attributes is None:
            return
        try:
            content = msgspec.json.decode(without_half_pairs(message))
        except DECODE_ERRORS:
            return
        ids = (id_ for expression in compiled for id_ in _ids(_search(expression, content)))
        line.correlation_ids = tuple(dict.fromkeys([*line.correlation_ids, *ids]))[:_MOST]

    return read


def _search(expression: Any, content: object) -> object:
    try:
        return expression.search(content)
    except JMESPathError:
        # a JMESPath function got a value of a type that it does not take
        return None


def _ids(found: object) -> Iterator[str]:
    for value in found if isinstance(found, list) else [found]:
        if isinstance(value, str | int) and not isinstance(value, bool) and (id_ := parse_correlation_id(str(value))):
            yield id_
