"""Ministack: a local AWS with CloudFormation, Lambda, CloudWatch Logs, SQS, SNS, S3 and DynamoDB; X-Ray is `pipeline.local.xray`."""

import socket
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from pipeline.errors import UnavailableError
from pipeline.local.environment import local_environment, local_open
from pipeline.local.process import stop

_PATIENCE: Final = 20.0


@contextmanager
def local_aws(variables: Mapping[str, str] | None = None) -> Iterator[str]:
    """Runs a local AWS; yields its endpoint.

    Args:
        variables: environment variables of its process, which its functions inherit.

    Raises UnavailableError where it does not start.
    """
    port = _free_port()
    own = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1"}
    process = subprocess.Popen([sys.executable, "-m", "ministack"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               stdin=subprocess.DEVNULL, env=local_environment({**own, **(variables or {})}))  # fmt: skip
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _wait_for(f"{endpoint}/_ministack/health", process)
        yield endpoint
    finally:
        stop(process)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Waits until ``url`` responds. Raises UnavailableError where it does not, or the process ends."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with local_open(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise UnavailableError("ministack, the local AWS, did not start")


def _free_port() -> int:
    """A free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
