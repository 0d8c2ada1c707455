"""Package: reads which distributions a built Lambda package holds, and finds files that nobody accounts for."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import Final, cast

from supply_chain.carried import REVIEWED, Carried, from_sbom

ROOT: Final = Path(__file__).parents[1]
_OWN: Final = frozenset({"pipeline", "shipper_function", "mappings", "rules.yaml", "policy.yaml", ".made"})


@dataclass(frozen=True, slots=True)
class Distribution:
    """One installed distribution.

    Attributes:
        name: its normalised name (PEP 503).
        version: its version.
        statements: what its metadata says of its licence, in the metadata's words: License-Expression alone, else License and classifiers.
        carried: third-party code inside it; None where it has compiled code and nobody has looked into it.
        files: its files, relative to the package's folder.
    """

    name: str
    version: str
    statements: tuple[str, ...]
    carried: tuple[Carried, ...] | None
    files: frozenset[Path]


def distributions(package: Path) -> list[Distribution]:
    """The distributions in the folder ``package``, by name."""
    return sorted((_read(found, package) for found in metadata.distributions(path=[str(package)])), key=lambda each: each.name)


def strangers(package: Path, known: Iterable[Distribution]) -> list[str]:
    """The files in ``package`` that are neither tracejoin's own nor of one of the ``known`` distributions, relative to it."""
    listed = {path for distribution in known for path in distribution.files}
    files = (path.relative_to(package) for path in package.rglob("*") if not path.is_dir())
    return sorted(str(path) for path in files if path.parts[0] not in _OWN and "__pycache__" not in path.parts and path not in listed)


def own_version() -> str:
    """The version of tracejoin in pyproject.toml."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _read(found: metadata.Distribution, package: Path) -> Distribution:
    name = normalised(found.metadata["Name"])
    files = frozenset(Path(path) for path in found.files or ())
    return Distribution(name, found.version, tuple(_statements(cast("Message", found.metadata))), _inside(name, files, package), files)


def normalised(name: str) -> str:
    """A distribution's name as package indices compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _statements(fields: Message) -> Iterator[str]:
    if expression := fields.get("License-Expression"):
        yield str(expression)
        return
    if field := fields.get("License"):
        yield str(field).strip()
    for classifier in fields.get_all("Classifier", []):
        kind, *_, licence = str(classifier).split(" :: ")
        if kind == "License" and licence != "OSI Approved":
            yield licence


def _inside(name: str, files: Iterable[Path], package: Path) -> tuple[Carried, ...] | None:
    sboms = [path for path in files if path.parent.name == "sboms" and path.suffix == ".json"]
    if sboms:
        return tuple(each for path in sorted(sboms) for each in from_sbom(package / path))
    compiled = any(path.suffix == ".so" or ".so." in path.name for path in files)
    return REVIEWED.get(name) if compiled else ()
