"""Local servers in processes of their own."""

import subprocess
from typing import Final

_PATIENCE: Final = 10.0


def stop(process: subprocess.Popen[bytes]) -> None:
    """Asks a process to end, and ends it where it does not."""
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
