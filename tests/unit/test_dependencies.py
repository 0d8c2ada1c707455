"""What is installed with the command is what it imports."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from pipeline.errors import MisconfiguredError
from pipeline.local import application
from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = {"mappings", "pipeline", "shipper_function"}


def names(entries):
    """The names of distributions in such entries, as pip compares them."""
    return {re.match(r"[\w.-]+", entry)[0].lower().replace("_", "-") for entry in entries}


def imported(path):
    """The top-level modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def distributions_of(room):
    """The distributions that the files below a folder import from."""
    known = packages_distributions()
    modules = {module for path in (ROOT / room).rglob("*.py") for module in imported(path)} - OURS - sys.stdlib_module_names
    return {known[module][0].lower().replace("_", "-") for module in modules}


# what one of our dependencies brings, and is made to be used with it
WITH_OTHERS = {"botocore": "boto3", "urllib3": "opensearch-py", "certifi": "opensearch-py", "markupsafe": "jinja2", "anyio": "starlette",
               "mcp-types": "mcp"}  # fmt: skip


@pytest.mark.parametrize("room", sorted(OURS))
def test_every_import_is_a_dependency(room):
    """`pip install tracejoin` and then any command: only the demo and the agents' server say that they need an extra."""
    extras = names(PROJECT["optional-dependencies"]["local"] + PROJECT["optional-dependencies"]["mcp"])
    found = {WITH_OTHERS.get(name, name) for name in distributions_of(room)}
    assert found - names(PROJECT["dependencies"]) <= extras


@pytest.mark.parametrize("package", ["ministack", "osmem_server"])
def test_the_demo_says_what_it_lacks(monkeypatch, package):
    """One line with the remedy, before anything is started."""
    monkeypatch.setattr(application, "find_spec", lambda name: None if name == package else name)
    with pytest.raises(MisconfiguredError, match=f"{package} not installed: run `make demo`"):
        application.require_sample_application()


def test_a_module_can_be_run():
    """`python -m pipeline` is the command, where its folder is not on the path."""
    done = subprocess.run([sys.executable, "-m", "pipeline", "--help"], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "search" in done.stdout
