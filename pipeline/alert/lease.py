"""Lease: the right to send alerts, which one worker has at a time, with what was sent in the present window."""

import msgspec

from pipeline.alert.grouping import Window
from pipeline.store.client import Store

_ID = "lease"


class Lease(msgspec.Struct, frozen=True):
    """The right to send until a time (epoch milliseconds), with what was sent in the window and the version of the stored lease."""

    window: Window = Window()
    until: int = 0
    seq_no: int = -1
    primary_term: int = -1


class Leases:
    """The stored lease."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index = f"{store.prefix}-alerts"

    def read(self) -> Lease:
        """Returns the lease as it is stored; one that nobody has if there is none."""
        (hit,) = self._store.get_many([(self._index, _ID)])
        if not hit:
            return Lease()
        return msgspec.structs.replace(msgspec.convert(hit.source["lease"], Lease), seq_no=hit.seq_no, primary_term=hit.primary_term)

    def take(self, now_ms: int, lasts_ms: int) -> Lease | None:
        """Takes the right to send for ``lasts_ms``; None if another worker has it. ``now_ms`` is epoch milliseconds."""
        held = self.read()
        return None if held.until > now_ms else self._write(msgspec.structs.replace(held, until=now_ms + lasts_ms))

    def give_back(self, lease: Lease, window: Window) -> None:
        """Releases the lease. Does nothing if it ran out and another worker holds it."""
        self._write(msgspec.structs.replace(lease, window=window, until=0))

    def _write(self, lease: Lease) -> Lease | None:
        action = self._store.compare_and_set(self._index, _ID, lease.seq_no, lease.primary_term)
        document = {"doc": {"kind": "lease"}, "lease": {"window": lease.window, "until": lease.until}}
        (result,) = self._store.write([action, document])
        if result.conflict:
            return None
        if not result.ok:
            result.raise_for_failure("the lease of the alerts")
        return msgspec.structs.replace(lease, seq_no=result.seq_no, primary_term=result.primary_term)
