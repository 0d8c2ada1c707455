"""Disturbances: what may happen around one write of a worker: it dies before or after it, or another worker is faster."""

import itertools
from contextlib import contextmanager

_EFFECTS = ("write", "bulk")


class _Crash(Exception):
    pass


@contextmanager
def disturbed(store, at, how, meanwhile):
    """Something happens at the ``at``-th side effect: a crash before or after it, or another worker meanwhile."""
    count = itertools.count()
    originals = {name: getattr(store, name) for name in _EFFECTS}
    busy = [False]

    def wrapped(name):
        def effect(*arguments, **more):
            if busy[0] or (name == "bulk" and more.get("places")) or next(count) != at:
                return originals[name](*arguments, **more)
            if how == "crash before":
                raise _Crash
            if how == "meanwhile":
                busy[0] = True
                meanwhile()
                busy[0] = False
            answer = originals[name](*arguments, **more)
            if how == "crash after":
                raise _Crash
            return answer

        return effect

    for name in _EFFECTS:
        setattr(store, name, wrapped(name))
    try:
        yield
    except _Crash:
        pass
    finally:
        for name in _EFFECTS:
            setattr(store, name, originals[name])
