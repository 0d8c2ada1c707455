"""The sample application's layer, without AWS."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.support.paths import ROOT
from tests.support.stores import left_out
from tests.support.template import RUNTIME, pins

SAMPLE = ROOT / "examples"
# what botocore brings along on Lambda
BOTOCORE_NEEDS = {"dateutil", "six"}
# each handler in an interpreter of its own: they are all called app
IMPORTS = """
import sys
before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
import app
print(*{name.partition(".")[0] for name in set(sys.modules) - before if getattr(sys.modules[name], "__file__", None)} - sys.stdlib_module_names)
"""


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    """The layer as `sam build` makes it, for AWS."""
    if shutil.which("make") is None:
        left_out("make is missing")
    folder = tmp_path_factory.mktemp("layer")
    build = subprocess.run(["make", "--no-print-directory", "build-DependenciesLayer", f"ARTIFACTS_DIR={folder}"], cwd=SAMPLE, capture_output=True,
                           text=True, env={name: value for name, value in os.environ.items() if name not in {"ARCHITECTURE", "PYTHON_VERSION"}}, check=False)  # fmt: skip
    assert build.returncode == 0, build.stderr
    return folder / "python"


def test_what_is_deployed_is_what_is_tested():
    """The layer pins what the repository's constraints pin."""
    shipped, tested = pins("examples/functions/requirements.txt"), pins("constraints.txt")
    assert shipped == {name: tested[name] for name in shipped}
    assert {"aws-lambda-powertools", "aws-xray-sdk", "requests"} <= set(shipped)
    assert not RUNTIME & set(shipped)


@pytest.mark.parametrize("handler", sorted(path.parent.name for path in SAMPLE.glob("functions/*/app.py")))
def test_everything_that_a_handler_imports_is_there(layer, handler):
    """Each package that its cold start loads is in the layer, or comes with Lambda's runtime."""
    run = subprocess.run([sys.executable, "-c", IMPORTS, SAMPLE / "functions" / handler], capture_output=True, text=True, check=True,
                         env={**os.environ, "AWS_DEFAULT_REGION": "eu-west-1", "LAMBDA_TASK_ROOT": "/var/task", "AWS_XRAY_SDK_ENABLED": "true"})  # fmt: skip
    loaded = set(run.stdout.split()) - {"app"}
    assert loaded
    assert loaded - RUNTIME - BOTOCORE_NEEDS <= {path.name.partition(".")[0] for path in layer.iterdir()}


def test_binaries_are_for_arm64(layer):
    """Every shared library is built for the functions' architecture and runtime, unless told otherwise."""
    libraries = list(layer.rglob("*.so"))
    assert libraries
    # e_machine of an ELF file: 183 is AArch64
    assert {int.from_bytes(path.read_bytes()[18:20], "little") for path in libraries} == {183}
    assert all("cpython-313" in path.name or "abi3" in path.name for path in libraries)
