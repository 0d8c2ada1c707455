"""Servers: an OpenSearch of one or three nodes, each a process that can be stopped, killed and started again with its data."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from pipeline.local.environment import local_environment
from pipeline.local.opensearch import EmbeddedOpenSearch, fetched_jars, find_java, node_command, own_port, wait_until_up
from pipeline.local.process import stop

ServerKind = Literal["embedded", "real", "three-nodes"]
_HEAPS: Final = {1: "1g", 3: "512m"}
# a JVM that compiles little starts sooner, and leaves the cores to the workers
_JAVA_OPTIONS: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_MEMORY: Final = Path("/dev/shm")  # noqa: S108
# transport ports lie as far above the HTTP ports
_TRANSPORT: Final = 100
_CLUSTER_NODE: Final = Path(__file__).with_name("ClusterNode.java")


@dataclass(slots=True)
class Node:
    """A node.

    Attributes:
        endpoint: its URL.
        command: runs it; empty where it can't be run again.
        log: what it prints.
        pid: its process.
    """

    endpoint: str
    pid: int
    command: Sequence[str] = ()
    log: Path = Path(os.devnull)
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def address(self) -> tuple[str, int]:
        """Its host and port."""
        parts = urlsplit(self.endpoint)
        return parts.hostname or "", parts.port or 0

    def pause(self) -> None:
        """Stops the process, which keeps its connections and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Lets a stopped process go on."""
        os.kill(self.pid, signal.SIGCONT)

    def begin(self) -> None:
        """Starts the process; `wait` waits for it."""
        environment = local_environment({"JAVA_TOOL_OPTIONS": _JAVA_OPTIONS})
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                self.command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment
            )
        self.pid = self.process.pid

    def wait(self) -> None:
        """Waits until it answers. Raises UnavailableError where it does not."""
        if self.process:
            wait_until_up(self.endpoint, self.process, self.log)

    def kill(self) -> None:
        """Kills the process, as a lost machine ends it."""
        if self.process:
            self.process.kill()
            self.process.wait()


@contextmanager
def servers(kind: ServerKind) -> Iterator[list[Node]]:
    """Runs an OpenSearch and yields its nodes. Raises MisconfiguredError where Java or Maven is missing, UnavailableError for no start."""
    if kind == "embedded":
        with EmbeddedOpenSearch() as embedded:
            yield [Node(embedded.endpoint, embedded.pid)]
        return
    folder = str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="tracejoin-chaos-", dir=folder) as data, ExitStack() as ports:
        bases = [ports.enter_context(own_port()) for _ in range(1 if kind == "real" else 3)]
        nodes = [_node(base, bases, Path(data)) for base in bases]
        try:
            for node in nodes:
                node.begin()
            for node in nodes:
                node.wait()
            yield nodes
        finally:
            for node in nodes:
                if node.process:
                    with contextlib.suppress(ProcessLookupError):
                        node.go_on()
                    stop(node.process)


def _node(base: int, bases: Sequence[int], data: Path) -> Node:
    folder = data / str(base)
    config = folder / "node_1" / "config" / "opensearch.yml"
    config.parent.mkdir(parents=True)
    # a test machine's disk is often fuller than OpenSearch's watermarks allow
    config.write_text("cluster.routing.allocation.disk.threshold_enabled: false\n")
    command = node_command(find_java(), fetched_jars(), folder, base, heap=_HEAPS[len(bases)])
    if len(bases) > 1:
        command = _of_cluster(command, folder, base, bases)
    return Node(f"http://127.0.0.1:{base + 1}", 0, command, data / f"{base}.log")


def _of_cluster(command: list[str], folder: Path, base: int, bases: Sequence[int]) -> list[str]:
    """The command of a node that finds the others, with the JVM's options of the command of a lone one."""
    options = command[: command.index("-cp") + 2]
    hosts, names = (",".join(f"{start}{each + more}" for each in bases) for start, more in (("127.0.0.1:", _TRANSPORT), ("node-", 0)))
    return [*options, str(_CLUSTER_NODE), str(folder), str(base), f"node-{base}", str(base + _TRANSPORT), hosts, names]
