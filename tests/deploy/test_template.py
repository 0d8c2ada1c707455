"""The SAM template and the package, without AWS."""

import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from pipeline.settings import Settings
from tests.conftest import left_out
from tests.deploy import template as templates
from tests.deploy.template import ROOT, of_type, statements, variables

# AWS's service authorization reference knows no resources for X-Ray's actions
RESOURCE_FREE = {"LookUpTraces", "SendOwnTrace"}
# Lambda's Python runtime brings these
RUNTIME = {"boto3", "botocore", "jmespath", "s3transfer"}
COLD_START = """
import sys
before = set(sys.modules)
import botocore.session, shipper_function.resolve, shipper_function.ship
files = {name.partition(".")[0] for name in set(sys.modules) - before if getattr(sys.modules[name], "__file__", None)}
print(*files - sys.stdlib_module_names)
"""
FUNCTIONS = ("ShipFunction", "ResolveFunction")


@pytest.fixture(scope="module")
def template():
    """The template, parsed."""
    return templates.load()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package as `sam build` makes it."""
    if shutil.which("make") is None:
        left_out("make is missing")
    folder = tmp_path_factory.mktemp("package")
    build = subprocess.run(["make", "--no-print-directory", "build-ShipFunction", f"ARTIFACTS_DIR={folder}"], cwd=ROOT, capture_output=True, text=True,
                           env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}, check=False)  # fmt: skip
    assert build.returncode == 0, build.stderr
    return folder


def test_handlers_are_there(template):
    """Each function's handler is a function in the repository, and the Makefile knows how to build it."""
    functions = of_type(template, "AWS::Serverless::Function")
    assert set(functions) == set(FUNCTIONS)
    for name, properties in functions.items():
        module, _, handler = properties["Handler"].rpartition(".")
        assert callable(getattr(importlib.import_module(module), handler))
        assert template["Resources"][name]["Metadata"]["BuildMethod"] == "makefile"
        assert f"build-{name}" in (ROOT / "Makefile").read_text()


def test_only_resolve_is_traced(template):
    """The Tracer costs more to import than a batch to ship; where it is imported, Lambda traces."""
    functions = of_type(template, "AWS::Serverless::Function")
    assert {name: properties.get("Tracing") for name, properties in functions.items()} == {
        "ShipFunction": None,
        "ResolveFunction": "Active",
    }


class Recorded(dict):
    """An environment that keeps the names that are asked for."""

    def __init__(self, values=()):
        super().__init__(values)
        self.names = set()

    def get(self, name, default=None):
        self.names.add(name)
        return super().get(name, default)


def test_environment_is_what_settings_read(template):
    """The template sets every variable that the settings read of their own, and no other; AWS's are set by Lambda."""
    environment = Recorded()
    Settings.from_environment(environment)
    assert {name for name in environment.names if name.startswith("TRACEJOIN_")} == set(variables(template))
    assert all(name in Settings.__doc__ for name in environment.names)


def test_parameters_default_to_what_the_settings_default_to(template):
    """A stack without choices runs as a laptop does, and the defaults pass the template's own patterns."""
    parameters = template["Parameters"]
    defaults = {name: str(parameters[value["Ref"]]["Default"]) for name, value in variables(template).items()
                if isinstance(value, dict) and "Default" in parameters.get(value.get("Ref"), {})}  # fmt: skip
    assert Settings.from_environment(defaults) == Settings()
    assert len(defaults) == 14
    for parameter in parameters.values():
        if "Default" in parameter and "AllowedPattern" in parameter:
            assert re.fullmatch(parameter["AllowedPattern"], parameter["Default"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_permission_is_narrow(template, function):
    """Each statement has a name, single actions, and one resource, but for those that AWS knows no resource for."""
    allowed = statements(template, function)
    assert len({statement["Sid"] for statement in allowed}) == len(allowed) >= 5
    for statement in allowed:
        assert not any("*" in action for action in statement["Action"])
        assert (statement["Resource"] == "*") == (statement["Sid"] in RESOURCE_FREE)


def test_no_role_holds_more_than_its_statements(template):
    """No managed policy comes in by the side: a function with a role of its own gets none from SAM."""
    for properties in of_type(template, "AWS::Serverless::Function").values():
        assert "Policies" not in properties
    for role in of_type(template, "AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role


def test_the_queue_fits_its_function(template):
    """A message that is being worked on is not handed out again, and one that always fails ends in the dead letters."""
    queue = of_type(template, "AWS::SQS::Queue")["HintQueue"]
    resolve = of_type(template, "AWS::Serverless::Function")["ResolveFunction"]
    hints = resolve["Events"]["Hints"]["Properties"]
    # "at least six times the function timeout, plus the value of MaximumBatchingWindowInSeconds" (AWS Lambda developer guide)
    assert queue["VisibilityTimeout"] >= 6 * resolve["Timeout"] + hints["MaximumBatchingWindowInSeconds"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"GetAtt": "HintDeadLetters.Arn"}
    assert hints["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_own_log_groups_are_excluded(template):
    """What the functions log themselves is never shipped."""
    excluded = variables(template)["TRACEJOIN_EXCLUDED_LOG_GROUPS"]["Sub"].split(",")
    own = [group["LogGroupName"]["Sub"] for group in of_type(template, "AWS::Logs::LogGroup").values()]
    assert sorted(excluded) == sorted(own)


def test_what_is_shipped_is_what_is_tested():
    """The package pins every dependency of the project but the runtime's own, at the versions that the tests run with."""
    shipped, tested = (pins(name) for name in ("requirements.txt", "constraints.txt"))
    wanted = {re.match(r"[\w-]+", entry)[0] for entry in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]}
    assert wanted - RUNTIME <= set(shipped)
    assert not RUNTIME & set(shipped)
    assert shipped == {name: tested[name] for name in shipped}


def pins(file):
    """The versions in a requirements file, by normalised name."""
    lines = (line.strip() for line in (ROOT / file).read_text().splitlines())
    found = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def test_nothing_of_the_laptop_is_in_the_package(package):
    """Library, functions and mappings are there; the demo, the command line and their packages are not."""
    names = {path.name.lower() for path in package.iterdir()}
    assert {"pipeline", "shipper_function", "mappings", "msgspec", "isal", "opensearchpy", "aws_lambda_powertools", "aws_xray_sdk"} <= names
    assert not names & {
        "click",
        "rich",
        "osmem_server",
        "ministack",
        "pytest",
        "grpc",
        "boto3",
        "botocore",
        "hypothesis",
        "tests",
        "examples",
    }
    assert not (package / "pipeline" / "local").exists()
    assert not (package / "pipeline" / "cli").exists()
    assert (package / "mappings" / "indices" / "logs.json").exists()
    assert (package / "pipeline" / "judge" / "rules.json").exists()


def test_everything_that_the_functions_import_is_in_the_package(package):
    """Each package that a cold start loads, signing for Amazon's included, is carried along or comes with Lambda's runtime."""
    run = subprocess.run([sys.executable, "-c", COLD_START], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(run.stdout.split())
    assert {"pipeline", "shipper_function", "opensearchpy", "boto3"} <= loaded
    assert loaded - RUNTIME <= {path.name.partition(".")[0] for path in package.iterdir()}


def test_binaries_are_for_arm64(package):
    """Every shared library is built for the functions' architecture and runtime, and the whole is far below Lambda's 250 MB."""
    libraries = list(package.rglob("*.so"))
    assert libraries
    # e_machine of an ELF file: 183 is AArch64
    assert {int.from_bytes(path.read_bytes()[18:20], "little") for path in libraries} == {183}
    assert all("cpython-313" in path.name or "abi3" in path.name for path in libraries)
    assert sum(path.stat().st_size for path in package.rglob("*") if path.is_file()) < 40_000_000


def test_bytecode_is_the_runtime_s_or_not_there(package):
    """Built beside a Python 3.13, each module is compiled for it, whatever its timestamp becomes; else none is."""
    compiled = list(package.rglob("*.pyc"))
    # CPython 3.13's magic number is 3571; flag 1 says that the source is not checked (PEP 552)
    assert {path.read_bytes()[:8] for path in compiled} <= {(3571).to_bytes(2, "little") + b"\r\n\x01\x00\x00\x00"}
    assert len(compiled) in {0, len(list(package.rglob("*.py")))}
