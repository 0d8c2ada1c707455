"""Together: lets several writers share their bulk requests.

A writer is a generator that yields the lines of a bulk body and is sent one result an item, until it returns what it found out. So what
has to happen after an earlier write, but in no order among itself, costs one request.
"""

from collections.abc import Generator
from typing import Any, TypeVar, cast

from pipeline.store.client import Store
from pipeline.store.results import ItemResult

T = TypeVar("T")
Writer = Generator[list[object], list[ItemResult], T]
"""Yields bulk lines (action, document, action, …; none is fine), and is sent their results."""


def write_alone(writer: Writer[T], store: Store) -> T:
    """Runs one writer to its end, and returns what it returns."""
    try:
        lines = next(writer)
        while True:
            lines = writer.send(store.write(lines))
    except StopIteration as end:
        return cast("T", end.value)


def write_together(store: Store, *writers: Writer[Any]) -> list[Any]:
    """Runs these writers to their ends, with one bulk request for what they write at the same time; returns what each returns."""
    returned: dict[int, Any] = {}
    results: dict[int, list[ItemResult] | None] = dict.fromkeys(range(len(writers)))
    while results:
        waiting: dict[int, list[object]] = {}
        for number, answer in results.items():
            try:
                waiting[number] = next(writers[number]) if answer is None else writers[number].send(answer)
            except StopIteration as end:
                returned[number] = end.value
        results = _written(waiting, store)
    return [returned[number] for number in range(len(writers))]


def _written(waiting: dict[int, list[object]], store: Store) -> dict[int, list[ItemResult] | None]:
    """Writes these lines, by writer, in one go; returns the results by writer."""
    found = iter(store.write([line for lines in waiting.values() for line in lines]))
    return {number: [next(found) for _ in range(items_in(lines))] for number, lines in waiting.items()}


def items_in(lines: list[object]) -> int:
    """Returns how many items bulk lines stand for: a `delete` has no document."""
    deletes = sum(isinstance(line, dict) and len(line) == 1 and "delete" in line for line in lines)
    return (len(lines) - deletes) // 2 + deletes
