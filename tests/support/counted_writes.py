"""What a store is asked to write: counted by index, and interrupted where a test wants a crash."""

from collections import Counter
from contextlib import contextmanager

import msgspec

from pipeline.store.together import items_in


class Crash(BaseException):
    """The process is gone."""


@contextmanager
def counted_writes(store):
    """Counts the items that are written meanwhile, by the end of their index' name."""
    counts, write = Counter(), store.write

    def counting(lines):
        counts.update(_index(store, line) for line in lines if _is_action(line))
        return write(lines)

    store.write = counting
    try:
        yield counts
    finally:
        del store.write


@contextmanager
def requests_of(store):
    """Yields a list of the paths that are asked for meanwhile."""
    request, paths = store.request, []

    def noted(method, path, *arguments, **more):
        paths.append(path)
        return request(method, path, *arguments, **more)

    store.request = noted
    try:
        yield paths
    finally:
        store.request = request


@contextmanager
def crashing(store, number, *, after):
    """Lets the process die before or ``after`` the bulk request of this number; yields a list that holds its number once it did."""
    write, done, died = store.write, [], []

    def dying(lines):
        if not lines:
            return write(lines)
        done.append(items_in(list(lines)))
        if len(done) != number:
            return write(lines)
        died.append(number)
        if after:
            write(lines)
        raise Crash

    store.write = dying
    try:
        yield died
    finally:
        del store.write


def _is_action(line):
    content = msgspec.to_builtins(line)
    return isinstance(content, dict) and len(content) == 1 and next(iter(content)) in {"create", "index", "update", "delete"}


def _index(store, line):
    (about,) = msgspec.to_builtins(line).values()
    return str(about["_index"]).removeprefix(f"{store.prefix}-")
