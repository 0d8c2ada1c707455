"""What the package is made of: hashes, licences, the SBOM, and the bounds of what a wheel installs. pip speaks to the package index."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from types import SimpleNamespace

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from supply_chain.hashes import MACHINES, PLATFORMS
from supply_chain.licences import licence_of, rows
from supply_chain.package import distributions, normalised
from tests.support.paths import DOCS, ROOT
from tests.support.stores import left_out
from tests.support.template import pins

COMPILED = {"charset-normalizer", "hyperscan", "isal", "msgspec", "pybase64", "pyyaml", "wrapt"}
REQUIREMENTS = ("requirements.txt", "examples/functions/requirements.txt")
BOUND = re.compile(r"<|==|~=")


def make(*arguments, folder=ROOT):
    """Runs make with this test's Python, for no architecture of the caller's."""
    if shutil.which("make") is None:
        left_out("make is missing")
    environment = {name: value for name, value in os.environ.items() if name not in {"ARCHITECTURE", "PYTHON_VERSION"}}
    return subprocess.run(["make", "--no-print-directory", f"PYTHON={sys.executable}", *arguments], cwd=folder, env=environment,
                          capture_output=True, text=True, check=False)  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The package for x86_64 with its SBOM, in a folder of its own: other tests build the other one meanwhile."""
    package = tmp_path_factory.mktemp("supply") / "package"
    run = make("ARCHITECTURE=x86_64", f"PACKAGE={package}", "sbom", "licences")
    assert run.returncode == 0, run.stderr
    return SimpleNamespace(package=package, sbom=json.loads(package.with_name("package.cdx.json").read_text()), output=run.stdout)


def hashes(file):
    """The hashes of each requirement, by normalised name."""
    text = (ROOT / file).read_text().replace("\\\n", " ")
    entries = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {normalised(pin.partition("==")[0]): {each.removeprefix("--hash=sha256:") for each in rest} for pin, *rest in entries}


@pytest.mark.parametrize("file", REQUIREMENTS)
def test_every_requirement_has_the_hashes_of_all_its_wheels(file):
    """Code for any Python is one wheel; compiled code is one for each architecture and each Python that package.mk builds for."""
    pythons = re.search(r"^PYTHON_VERSIONS := (.+)$", (ROOT / "package.mk").read_text(), re.MULTILINE)[1].split()
    assert set(hashes(file)) == set(pins(file))
    for name, found in hashes(file).items():
        assert len(found) == (len(pythons) * len(MACHINES) if name in COMPILED else 1), name
        assert all(re.fullmatch("[0-9a-f]{64}", each) for each in found)


@pytest.mark.parametrize("makefile", ["package.mk", "examples/Makefile"])
def test_pip_is_held_to_the_hashes(makefile):
    """Both installs ask for hashes, and for wheels of the platforms that the hashes are of."""
    text = (ROOT / makefile).read_text()
    assert text.count("pip install") + text.count("$(PIP) install") == text.count("--require-hashes") == 1
    assert re.findall(r"--platform (\w+)_\$\(MACHINE\)", text) == list(PLATFORMS)


@pytest.mark.parametrize(
    ("requirement", "said"),
    [("six==1.17.0 --hash=sha256:" + "0" * 64, "DO NOT MATCH THE HASHES"), ("six==1.17.0", "Hashes are required")],
)
def test_another_wheel_than_the_pinned_one_ends_the_build(tmp_path, requirement, said):
    """A wheel that was exchanged in the index, and a requirement whose hash was left out, are errors, and leave no package behind."""
    for name in ("Makefile", "package.mk", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("pipeline", "shipper_function", "mappings"):
        (tmp_path / name).mkdir()
    (tmp_path / "requirements.txt").write_text(requirement + "\n")
    run = make("PACKAGE=package", "package/.made", folder=tmp_path)
    assert run.returncode != 0
    assert said in run.stderr
    assert not (tmp_path / "package" / ".made").exists()


@pytest.mark.parametrize(("name", "value"), [("ARCHITECTURE", "riscv"), ("PYTHON_VERSION", "3.9")])
def test_what_has_no_hashes_is_not_tried(name, value):
    """One line says what can be built."""
    run = make(f"{name}={value}", "licences")
    assert run.returncode != 0
    assert run.stderr.startswith(f"{name} is ")
    assert value in run.stderr.splitlines()[0]


def test_the_sbom_tells_the_package(built):
    """Valid CycloneDX, beside the package; its components are the requirements, each by the hash of a wheel that the requirements name."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(built.sbom)) is None
    components = {component["name"]: component for component in built.sbom["components"]}
    assert {name: component["version"] for name, component in components.items()} == pins("requirements.txt")
    pinned = hashes("requirements.txt")
    for name, component in components.items():
        assert component["purl"] == f"pkg:pypi/{name}@{component['version']}"
        assert component["hashes"][0]["content"] in pinned[name]
        assert component["licenses"]
    assert "x86_64" in built.sbom["metadata"]["component"]["purl"]
    assert not list(built.package.rglob("*package.cdx.json"))
    assert not list(built.package.rglob("supply_chain"))


def test_the_licences_are_those_in_the_documentation(built):
    """docs/supply-chain.md lists what `make licences` prints, without versions."""
    table = (DOCS / "supply-chain.md").read_text().partition("<!-- licences -->")[2].partition("<!-- /licences -->")[0]
    documented = [tuple(cell.strip() for cell in row.split("|")[1:3]) for row in table.splitlines() if row.startswith("| ")][1:]
    inside = ""
    expected = []
    for name, _, licence in rows(distributions(built.package)):
        inside = inside if name.startswith(" ") else name
        expected.append((f"{name.strip()}, in {inside}" if name.startswith(" ") else name, licence))
    assert documented == expected
    assert all(name in built.output for name in pins("requirements.txt"))
    assert {licence_of(each) for each in distributions(built.package)} <= {licence for _, licence in documented}


def test_whatever_a_wheel_installs_has_an_upper_bound():
    """No release of tomorrow's comes in by itself: each dependency, extra and build requirement ends somewhere."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    entries = [*project["build-system"]["requires"], *project["project"]["dependencies"], *(entry for extra in extras for entry in extra)]
    assert len(entries) > 20
    assert [entry for entry in entries if not BOUND.search(entry.partition(";")[0])] == []
