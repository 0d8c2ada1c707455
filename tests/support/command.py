"""The command line, as a person calls it: in a process of its own."""

import json
import os
import subprocess
import sys

from tests.support.waiting import PATIENCE

# those of whoever runs the tests
_NO_AWS_FILES = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
MAIN = (sys.executable, "-c", "from pipeline.cli.main import main; main()")


def tracejoin(*arguments, text="", **environment):
    """Runs the command; returns exit status, stdout, stderr."""
    keep = {key: value for key, value in os.environ.items() if not key.startswith(("TRACEJOIN_", "AWS_"))}
    done = subprocess.run([*MAIN, *map(str, arguments)], input=text, text=True, capture_output=True, env=keep | _NO_AWS_FILES | {"COLUMNS": "160"} | environment,
                          timeout=PATIENCE, check=False)  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def rows(output):
    """Each line of stdout as JSON: there must be nothing else."""
    return [json.loads(line) for line in output.splitlines()]
