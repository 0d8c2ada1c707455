"""Compare-and-set: facts are merged into stored documents, whoever else writes them meanwhile."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

T = TypeVar("T")
F = TypeVar("F")

_ROUNDS: Final = 20


def merge_until_written(
    facts: Mapping[str, F],
    *,
    load: Callable[[Iterable[str]], Mapping[str, T]],
    grow: Callable[[T, F], T],
    write: Callable[[list[T]], Mapping[str, T]],
) -> tuple[dict[str, T], dict[str, F]]:
    """Loads documents, merges facts into them and writes them; the documents that a concurrent writer changed are loaded again.

    Args:
        facts: what is to be merged, by the document's key.
        load: the documents of these keys, as they are now.
        grow: a document with a fact merged in; the very same object where the fact is in it already.
        write: writes each document that is unchanged since it was loaded; returns those, by their key.

    Returns the documents by key, and the facts that concurrent writers kept out each time.
    """
    done: dict[str, T] = {}
    waiting = dict(facts)
    for _ in range(_ROUNDS):
        known = load(waiting)
        grown = {key: grow(known[key], fact) for key, fact in waiting.items()}
        done |= {key: document for key, document in grown.items() if document is known[key]}
        done |= write([document for key, document in grown.items() if document is not known[key]])
        waiting = {key: fact for key, fact in waiting.items() if key not in done}
        if not waiting:
            break
    return done, waiting
