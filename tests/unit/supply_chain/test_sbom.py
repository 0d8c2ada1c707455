"""The CycloneDX document, without a package index."""

import json
import sys
from datetime import UTC, datetime

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from supply_chain import sbom
from supply_chain.package import distributions
from supply_chain.pip_report import Wheel
from tests.support.distributions import install

AT = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.fixture
def package(tmp_path):
    """A package of three distributions: an expression, an identifier with code compiled in, and a licence that nobody knows."""
    folder = tmp_path / "package"
    install(folder, "either", metadata=["License-Expression: MIT OR Zlib"])
    install(folder, "PyYAML", "6.0", metadata=["License: MIT"], files={"yaml/_yaml.so": ""})
    install(folder, "odd", metadata=["License: see the file"])
    return folder


def bill(package):
    """The document of ``package``."""
    found = distributions(package)
    picked = {each.name: Wheel(f"{each.name}.whl", "ab" * 32) for each in found}
    return sbom.bill(found, picked, architecture="arm64", python="3.13", at=AT)


def test_the_document_is_valid(package):
    """Whatever the licences are, the document keeps CycloneDX's schema, and says the same twice."""
    document = bill(package)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None
    assert document == bill(package)


def test_each_component_says_what_it_is(package):
    """Name, version, purl, licence and the wheel's hash, and inside it the code that it carries."""
    either, odd, pyyaml = bill(package)["components"]
    assert (either["name"], either["version"], either["purl"]) == ("either", "1.0", "pkg:pypi/either@1.0")
    assert either["licenses"] == [{"expression": "MIT OR Zlib"}]
    assert odd["licenses"] == [{"license": {"name": "see the file"}}]
    assert pyyaml["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert [(inner["name"], inner["version"], inner["licenses"]) for inner in pyyaml["components"]] == [
        ("libyaml", "0.2.6", [{"license": {"id": "MIT"}}])
    ]


@pytest.mark.parametrize("archive", [{"hashes": {"sha256": "ab" * 32}}, {"hash": f"sha256={'ab' * 32}"}])
def test_no_index_and_no_credentials_come_into_the_document(package, tmp_path, monkeypatch, archive):
    """Of the URL that pip fetched a wheel from only the file's name is told, by old and by new pips."""
    names = {"either": "either-1.0.whl", "PyYAML": "pyyaml-6.0.whl", "odd": "odd-1.0.whl"}
    entries = [{"metadata": {"name": name}, "download_info": {"url": f"https://me:hidden@index.invalid/{file}", "archive_info": archive}}
               for name, file in names.items()]  # fmt: skip
    (tmp_path / "report.json").write_text(json.dumps({"install": entries}))
    document = tmp_path / "package.cdx.json"
    monkeypatch.setattr(
        sys, "argv", ["sbom", str(package), str(tmp_path / "report.json"), str(document), "--architecture", "x86_64", "--python", "3.12"]
    )
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1780000000")
    assert sbom.main() == 0
    text = document.read_text()
    assert "index.invalid" not in text
    assert "hidden" not in text
    assert "pyyaml-6.0.whl" in text
    assert json.loads(text)["metadata"]["timestamp"] == "2026-05-28T20:26:40Z"


@pytest.mark.parametrize("report", ["{}", "no JSON", '{"install": []}'])
def test_a_report_of_something_else_is_said(package, tmp_path, monkeypatch, capsys, report):
    """One line, and no document."""
    (tmp_path / "report.json").write_text(report)
    monkeypatch.setattr(
        sys,
        "argv",
        ["sbom", str(package), str(tmp_path / "report.json"), str(tmp_path / "out"), "--architecture", "arm64", "--python", "3.13"],
    )
    assert sbom.main() == 1
    assert "build again" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
