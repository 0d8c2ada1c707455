"""Compare and set: merges facts into stored documents while concurrent writers change them too."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from pipeline.store.together import Writer

T = TypeVar("T")
F = TypeVar("F")

_ROUNDS: Final = 20


def merge_until_written(
    facts: Mapping[str, F],
    *,
    load: Callable[[Iterable[str]], Mapping[str, T]],
    grow: Callable[[T, F], T],
    write: Callable[[list[T]], Writer[Mapping[str, T]]],
    loaded: Mapping[str, T] | None = None,
) -> Writer[tuple[dict[str, T], dict[str, F]]]:
    """Loads documents, merges facts into them and writes them; repeats this for documents that a concurrent writer changed.

    Args:
        facts: what to merge, by the document's key.
        load: returns the current documents of these keys.
        grow: returns a document with a fact merged in; the same object where the document holds the fact already.
        write: writes each document that is unchanged since it was loaded; returns the written ones, by their key.
        loaded: documents that were loaded or written before, and need not be loaded first.

    Returns the documents by key, and the facts that could not be merged, since a concurrent writer was first in every round.
    """
    done: dict[str, T] = {}
    waiting = dict(facts)
    present = {key: document for key, document in (loaded or {}).items() if key in waiting}
    for _ in range(_ROUNDS):
        missing = waiting.keys() - present.keys()
        known = {**present, **(load(key for key in waiting if key in missing) if missing else {})}
        grown = {key: grow(known[key], fact) for key, fact in waiting.items()}
        done |= {key: document for key, document in grown.items() if document is known[key]}
        done |= yield from write([document for key, document in grown.items() if document is not known[key]])
        waiting, present = {key: fact for key, fact in waiting.items() if key not in done}, {}
        if not waiting:
            break
    return done, waiting
