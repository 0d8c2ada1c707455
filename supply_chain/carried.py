"""Carried: third-party code inside a distribution, which its own metadata does not tell."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Carried:
    """Code of another project inside a distribution.

    Attributes:
        name: the project's name.
        licence: its SPDX licence expression.
        version: its version, or nothing where the distribution does not tell it.
        purl: its package URL.
    """

    name: str
    licence: str
    version: str
    purl: str


def _carried(name: str, licence: str, purl: str, version: str = "") -> Carried:
    return Carried(name, licence, version, f"{purl}@{version}" if version else purl)


REVIEWED: Final[Mapping[str, tuple[Carried, ...]]] = {
    # mypyc compiles its runtime's C code into the module
    "charset-normalizer": (_carried("mypyc", "MIT AND PSF-2.0", "pkg:pypi/mypy"),),
    # Chimera, which nothing here calls, brings PCRE; Vectorscan's headers include Boost's
    "hyperscan": (
        _carried("vectorscan", "BSD-3-Clause", "pkg:github/vectorcamp/vectorscan", "5.4.12"),
        _carried("boost", "BSL-1.0", "pkg:generic/boost"),
        _carried("pcre", "BSD-3-Clause", "pkg:generic/pcre"),
    ),
    "isal": (_carried("isa-l", "BSD-3-Clause", "pkg:github/intel/isa-l", "2.32.1"),),
    # ryu.h and atof.h in its sources
    "msgspec": (
        _carried("ryu", "Apache-2.0 OR BSL-1.0", "pkg:github/ulfjack/ryu"),
        _carried("wuffs", "Apache-2.0", "pkg:github/google/wuffs"),
    ),
    "pyyaml": (_carried("libyaml", "MIT", "pkg:github/yaml/libyaml", "0.2.6"),),
    "wrapt": (),
}
"""What a person found in the sources of each distribution that has compiled code and no SBOM of its own, by normalised name."""


def from_sbom(path: Path) -> list[Carried]:
    """The components in the CycloneDX JSON file of a distribution (PEP 770)."""
    return [
        Carried(
            name=component["name"],
            licence=_expression(component.get("licenses", [])),
            version=component.get("version", ""),
            purl=component.get("purl", ""),
        )
        for component in json.loads(path.read_text(encoding="utf-8")).get("components", [])
    ]


def _expression(licences: list[dict[str, Any]]) -> str:
    """CycloneDX's list of licences as one expression; all of them hold."""
    found = []
    for entry in licences:
        licence = entry.get("license", {})
        found.append(entry.get("expression") or licence.get("id") or licence.get("name", ""))
    return " AND ".join(f"({each})" if len(found) > 1 and " " in each else each for each in found)
