"""SBOM: `make sbom` writes what a built package holds as a CycloneDX 1.6 JSON document, beside the package.

Source: the CycloneDX 1.6 JSON schema, and the purl specification for package URLs.
"""

import argparse
import json
import os
import sys
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from supply_chain.carried import Carried
from supply_chain.licences import licence_of
from supply_chain.package import Distribution, distributions, own_version
from supply_chain.pip_report import Wheel, wheels
from supply_chain.spdx import Kind, kind

_OPERATORS: Final = (" AND ", " OR ", " WITH ")


def bill(found: list[Distribution], picked: Mapping[str, Wheel], *, architecture: str, python: str, at: datetime) -> dict[str, Any]:
    """The CycloneDX document of a package.

    Args:
        found: the package's distributions.
        picked: the wheel that each was installed from, as `pip_report.wheels` returns them.
        architecture: Lambda's name of the processor, arm64 or x86_64.
        python: the version of Lambda's Python, such as 3.13.
        at: the time of the document.

    Raises KeyError for a distribution without a wheel.
    """
    version = own_version()
    root = f"pkg:generic/tracejoin@{version}?arch={architecture}&python={python}"
    components = [_component(each, picked[each.name]) for each in found]
    references = [component["bom-ref"] for component in components]
    content = {
        "metadata": {
            "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lifecycles": [{"phase": "build"}],
            "tools": {"components": [{"type": "application", "name": "tracejoin supply_chain.sbom", "version": version}]},
            "component": {
                "bom-ref": root, "type": "application", "name": "tracejoin", "version": version, "purl": root,
                "description": f"The package of tracejoin's Lambda functions for {architecture} and Python {python}",
                "licenses": _licences("Apache-2.0"),
            },
        },
        "components": components,
        "dependencies": [{"ref": root, "dependsOn": references}, *({"ref": reference} for reference in references)],
    }  # fmt: skip
    # the same content gets the same number
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([root, components], sort_keys=True))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{number}", "version": 1, **content,
    }  # fmt: skip


def _component(distribution: Distribution, wheel: Wheel) -> dict[str, Any]:
    purl = f"pkg:pypi/{distribution.name}@{distribution.version}"
    component: dict[str, Any] = {
        "bom-ref": purl, "type": "library", "name": distribution.name, "version": distribution.version, "purl": purl,
        "licenses": _licences(licence_of(distribution)), "hashes": [{"alg": "SHA-256", "content": wheel.sha256}],
        "properties": [{"name": "tracejoin:wheel", "value": wheel.file}],
    }  # fmt: skip
    if distribution.carried:
        component["components"] = [_inner(each, purl) for each in distribution.carried]
    return component


def _inner(each: Carried, inside: str) -> dict[str, Any]:
    known = {name: value for name, value in (("version", each.version), ("purl", each.purl)) if value}
    return {"bom-ref": f"{inside}#{each.name}", "type": "library", "name": each.name, **known, "licenses": _licences(each.licence)}


def _licences(expression: str) -> list[dict[str, Any]]:
    if not expression:
        return []
    if kind(expression) is Kind.UNKNOWN:
        return [{"license": {"name": expression}}]
    return [{"expression": expression}] if any(word in expression for word in _OPERATORS) else [{"license": {"id": expression}}]


def main() -> int:
    """Writes the document; returns 1, and says why, where it can't."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path, help="the folder of a built package")
    parser.add_argument("report", type=Path, help="what pip install --report wrote of it")
    parser.add_argument("document", type=Path, help="the file to write")
    parser.add_argument("--architecture", required=True)
    parser.add_argument("--python", required=True)
    given = parser.parse_args()
    found = distributions(given.package)
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    at = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    try:
        document = bill(found, wheels(given.report), architecture=given.architecture, python=given.python, at=at)
    except (KeyError, OSError, ValueError) as error:
        print(f"{given.report} does not fit {given.package} ({error}): remove both and build again", file=sys.stderr)
        return 1
    given.document.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
