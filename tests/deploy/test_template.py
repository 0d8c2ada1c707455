"""The SAM template and the package, without AWS."""

import importlib
import os
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from pipeline.settings import Settings
from tests.conftest import left_out

ROOT = Path(__file__).parents[2]
# X-Ray's actions know no resources
RESOURCE_FREE = {"LookUpTraces"}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short functions, kept as plain values."""


_Loader.add_multi_constructor(
    "!",
    lambda loader, suffix, node: {
        suffix: loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else loader.construct_scalar(node)
    },
)


@pytest.fixture(scope="module")
def template():
    """The template, parsed."""
    return yaml.load((ROOT / "template.yaml").read_text(), _Loader)


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


def functions(template):
    """The functions, by logical id."""
    return {
        name: resource["Properties"] for name, resource in template["Resources"].items() if resource["Type"] == "AWS::Serverless::Function"
    }


def test_handlers_are_there(template):
    """Each function's handler is a function in the repository."""
    for properties in functions(template).values():
        module, _, name = properties["Handler"].rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))


def test_environment_is_what_settings_read(template):
    """Every variable of the template is one that the settings read, and is documented there."""
    variables = set(template["Globals"]["Function"]["Environment"]["Variables"])
    known = {f"TRACEJOIN_{field.name.upper()}" for field in fields(Settings)}
    assert variables <= known
    assert all(name in Settings.__doc__ for name in variables)


def test_every_permission_is_narrow(template):
    """No statement speaks of every action, and of every resource only where AWS knows no narrower."""
    statements = [entry["If"][1] if "If" in entry else entry for properties in functions(template).values()
                  for policy in properties["Policies"] for entry in policy["Statement"]]  # fmt: skip
    assert len(statements) == 7
    for statement in statements:
        assert statement["Sid"]
        assert not any("*" in action for action in statement["Action"])
        assert (statement["Resource"] == "*") == (statement["Sid"] in RESOURCE_FREE)


def test_own_log_groups_are_excluded(template):
    """What the functions log themselves is never shipped."""
    excluded = template["Globals"]["Function"]["Environment"]["Variables"]["TRACEJOIN_EXCLUDED_LOG_GROUPS"]["Sub"].split(",")
    own = [
        resource["Properties"]["LogGroupName"]["Sub"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Logs::LogGroup"
    ]
    assert sorted(excluded) == sorted(own)


def test_nothing_of_the_laptop_is_in_the_package(package):
    """Library, functions and mappings are there; the demo, the command line and their packages are not."""
    names = {path.name.lower() for path in package.iterdir()}
    assert {"pipeline", "shipper_function", "mappings", "msgspec", "isal", "opensearchpy", "aws_lambda_powertools", "aws_xray_sdk"} <= names
    assert not names & {"click", "rich", "osmem_server", "ministack", "pytest", "grpc", "boto3", "botocore", "hypothesis"}
    assert not (package / "pipeline" / "local").exists()
    assert not (package / "pipeline" / "cli").exists()
    assert (package / "mappings" / "indices" / "logs.json").exists()
    assert (package / "pipeline" / "judge" / "rules.json").exists()


def test_binaries_are_for_arm64(package):
    """Every shared library is built for the functions' architecture, and the whole is far below Lambda's 250 MB."""
    libraries = list(package.rglob("*.so"))
    assert libraries
    # e_machine of an ELF file: 183 is AArch64
    assert {int.from_bytes(path.read_bytes()[18:20], "little") for path in libraries} == {183}
    assert sum(path.stat().st_size for path in package.rglob("*") if path.is_file()) < 40_000_000
