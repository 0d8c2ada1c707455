"""One real OpenSearch for all test processes: whoever needs it first starts it, whoever leaves last stops it."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import UnavailableError
from pipeline.local.environment import local_environment
from tests.support.paths import ROOT
from tests.support.waiting import PATIENCE

_MEMORY = Path("/dev/shm")


@contextmanager
def shared_opensearch(folder: Path) -> Iterator[str]:
    """Yields the endpoint; ``folder`` is one that all test processes of a run know. Raises UnavailableError where it does not start."""
    with (folder / "users").open("a") as users:
        with _locked(folder / "turn"):
            fcntl.flock(users, fcntl.LOCK_SH)
            endpoint = _read(folder / "output") or _start(folder)
        yield endpoint
        with _locked(folder / "turn"):
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
            with _locked(folder / "alive"):
                (folder / "output").unlink()


def _start(folder: Path) -> str:
    """Starts it in a process that outlives this one; the process holds the lock `alive` as long as it runs."""
    output = folder / "output"
    with (folder / "alive").open("w") as alive, output.open("w") as written:
        fcntl.flock(alive, fcntl.LOCK_EX)
        process = subprocess.Popen([sys.executable, "-m", "pipeline.local.opensearch"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=written,
                                   stderr=subprocess.STDOUT, pass_fds=[alive.fileno()], env=local_environment(_own()))  # fmt: skip
    (folder / "pid").write_text(str(process.pid))
    deadline = time.monotonic() + PATIENCE
    while not (endpoint := _read(output)):
        if process.poll() is not None or time.monotonic() > deadline:
            text = output.read_text()
            output.unlink()
            raise UnavailableError(f"a real OpenSearch is missing: {text.strip()[-500:]}")
        time.sleep(0.1)
    # another process may stop it
    process.returncode = 0
    return endpoint


def _own() -> dict[str, str]:
    """Its own variables: the user's Java, a JVM that compiles little, and a folder in memory, since each new index waits for the disk."""
    own = {name: os.environ[name] for name in ("JAVA_HOME",) if name in os.environ}
    own["JAVA_TOOL_OPTIONS"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    return own | ({"TMPDIR": str(_MEMORY)} if os.access(_MEMORY, os.W_OK) else {})


def _read(output: Path) -> str:
    text = output.read_text() if output.exists() else ""
    return text.partition(" answers at ")[2].partition(";")[0]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
