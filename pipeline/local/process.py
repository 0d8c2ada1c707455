"""Process: stops the processes of local servers."""

import subprocess
from typing import Final

_PATIENCE: Final = 10.0


def stop(process: subprocess.Popen[bytes]) -> None:
    """Terminates a process, and kills it where it does not end within ten seconds."""
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
