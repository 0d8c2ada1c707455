"""Damage: does the disasters to OpenSearch and to the conditions, and undoes them."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from chaos.conditions import Conditions
from chaos.disasters import FLAGS, Disaster, DisasterKind
from chaos.servers import Node
from pipeline.errors import TracejoinError
from pipeline.store.client import Store

_BLOCKS: Final[dict[DisasterKind, str]] = {"flood stage": "index.blocks.read_only_allow_delete", "write block": "index.blocks.write"}
_OF_INDICES: Final = (*_BLOCKS, "index closed")
_PATIENCE: Final = 90.0
_AGAIN: Final = 0.5
_DISK_IS_LOOKED_AT: Final = 3.0


class Damage:
    """What is broken at the moment.

    Args:
        nodes: of OpenSearch.
        store: a connection without faults, under the prefix whose indices get blocked.
        conditions: of the run.
        seed: picks the node.
    """

    def __init__(self, nodes: list[Node], store: Store, conditions: Conditions, seed: int) -> None:
        self._nodes, self._store, self._conditions = nodes, store, conditions
        self._rng = random.Random(f"damage {seed}")
        self._until: list[tuple[float, DisasterKind, Node | None]] = []
        self._blocked = False
        self._filled = False

    def begin(self, disaster: Disaster) -> None:
        """Begins a disaster; `end_due` ends it."""
        node = None
        if disaster.kind in FLAGS:
            name, value = FLAGS[disaster.kind]
            self._conditions[name] = value
        elif disaster.kind == "OpenSearch stopped":
            node = self._rng.choice(self._nodes)
            node.pause()
        elif disaster.kind == "OpenSearch killed":
            node = self._rng.choice(self._nodes)
            node.kill()
            node.begin()
        elif disaster.kind == "disk full":
            with suppress(TracejoinError):
                self._fill_disk(full=True)
        else:
            self._block(disaster.kind)
        self._until.append((time.monotonic() + disaster.seconds, disaster.kind, node))

    def end_due(self) -> None:
        """Ends the disasters whose time is over."""
        now = time.monotonic()
        due = [each for each in self._until if each[0] <= now]
        self._until = [each for each in self._until if each[0] > now]
        for _, kind, node in due:
            try:
                self._end(kind, node)
            except TracejoinError:
                # OpenSearch is down or stopped just now
                self._until.append((now + _AGAIN, kind, node))

    def end_all(self) -> None:
        """Ends every disaster, and waits until OpenSearch answers."""
        due, self._until = self._until, []
        for _, kind, node in due:
            if kind not in (*_OF_INDICES, "disk full"):
                self._end(kind, node)
        for node in self._nodes:
            node.wait()
        # a node that was killed answers before its shards do
        self._surely(self._wait_for_shards)
        if self._filled:
            self._surely(lambda: self._fill_disk(full=False))
            # a look at the disk may be under way
            time.sleep(_DISK_IS_LOOKED_AT)
            self._filled = False
        if self._blocked:
            self._surely(self._unblock)

    def _end(self, kind: DisasterKind, node: Node | None) -> None:
        if kind in FLAGS:
            self._conditions[FLAGS[kind][0]] = 0
        elif kind == "OpenSearch stopped" and node:
            node.go_on()
        elif kind == "disk full":
            # without the threshold OpenSearch sets no block, and takes none away
            self._fill_disk(full=False)
            self._unblock()
        elif kind in _OF_INDICES:
            self._unblock()

    def _block(self, kind: DisasterKind) -> None:
        """Blocks half of the daily indices, or closes them."""
        with suppress(TracejoinError):
            names = sorted(self._store.request("GET", f"/{self._store.prefix}-logs-*,{self._store.prefix}-spans-*/_settings"))
            some = ",".join(name for name in names if self._rng.random() < 0.5) or ",".join(names[:1])
            if some:
                self._blocked = True
                if kind == "index closed":
                    self._store.request("POST", f"/{some}/_close")
                else:
                    self._store.request("PUT", f"/{some}/_settings", {_BLOCKS[kind]: True})

    def _fill_disk(self, *, full: bool) -> None:
        """Makes OpenSearch take the disk for full, and block every index by itself; or not."""
        names = ("low", "high", "flood_stage")
        settings: dict[str, Any] = {f"cluster.routing.allocation.disk.watermark.{name}": "100tb" if full else None for name in names}
        settings |= {"cluster.routing.allocation.disk.threshold_enabled": True if full else None,
                     "cluster.info.update.interval": "10s" if full else None}  # fmt: skip
        self._filled = self._blocked = True
        self._store.request("PUT", "/_cluster/settings", {"transient": settings})

    @staticmethod
    def _surely(mend: Callable[[], None]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return mend()
            except TracejoinError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def _unblock(self) -> None:
        indices = f"{self._store.prefix}-*"
        every: dict[str, Any] = {"expand_wildcards": "all", "ignore_unavailable": "true", "allow_no_indices": "true"}
        # at flood stage OpenSearch takes the end of this block, and nothing else beside it
        for block in _BLOCKS.values():
            self._store.request("PUT", f"/{indices}/_settings", {block: None}, every)
        self._store.request("POST", f"/{indices}/_open", params=every)
        self._wait_for_shards()

    def _wait_for_shards(self) -> None:
        # the client would take a parameter of this name for its own
        self._store.request("GET", f"/_cluster/health/{self._store.prefix}-*?wait_for_status=yellow&timeout=20s&expand_wildcards=all")
