"""Licences: `make licences` prints each licence in a built package, and fails on an unknown one, on copyleft, and on unaccounted files."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from supply_chain.package import Distribution, distributions, own_version, strangers
from supply_chain.spdx import Kind, kind

_MEANING: Final[Mapping[str, str]] = {
    "Apache License 2.0": "Apache-2.0", "Apache Software License": "Apache-2.0", "Apache 2.0": "Apache-2.0", "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0", "ISC License (ISCL)": "ISC", "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}  # fmt: skip
"""The SPDX identifier of what metadata calls a licence. "BSD License" is none: it may have two clauses, three, or four."""

_REVIEWED: Final[Mapping[tuple[str, tuple[str, ...]], str]] = {
    # its LICENSE has three clauses
    ("events", ("BSD", "BSD License")): "BSD-3-Clause",
    # its LICENSE: three clauses for all of it, and Apache's for what came after 2017
    ("python-dateutil", ("Dual License", "BSD License", "Apache Software License")): "Apache-2.0 OR BSD-3-Clause",
}
"""What a person read in the licence file, by name and statements: other statements have to be read again."""

EXCEPTIONS: Final[Mapping[tuple[str, str], str]] = {
    ("certifi", "MPL-2.0"): "carried unchanged: MPL-2.0 asks for the source of its own files alone, and the package holds it",
}
"""The copyleft licences that are let in, each for one distribution, with the reason."""

_HERE: Final = "supply_chain/licences.py"
_CARRIED: Final = "supply_chain/carried.py"


def licence_of(distribution: Distribution) -> str:
    """The SPDX expression of a distribution's licence; the metadata's own words where they say none."""
    reviewed = _REVIEWED.get((distribution.name, distribution.statements))
    if reviewed:
        return reviewed
    return " AND ".join(dict.fromkeys(_MEANING.get(statement, statement) for statement in distribution.statements))


def rows(found: list[Distribution]) -> Iterator[tuple[str, str, str]]:
    """Name, version and licence of tracejoin and of each distribution, and after it, indented, of the code that it carries."""
    yield "tracejoin", own_version(), "Apache-2.0"
    for distribution in found:
        yield distribution.name, distribution.version, licence_of(distribution)
        for each in distribution.carried or ():
            yield f"  {each.name}", each.version, each.licence


def problems(found: list[Distribution]) -> Iterator[str]:
    """What keeps ``found`` from being shipped, each a sentence with its remedy."""
    for each in found:
        yield from _problem(each.name, each.version, licence_of(each))
        if each.carried is None:
            yield f"{each.name} {each.version} has compiled code: look for other projects' code in its sources, and list it in {_CARRIED}"
        for inner in each.carried or ():
            yield from _problem(f"{inner.name} (in {each.name})", inner.version, inner.licence)


def _problem(name: str, version: str, licence: str) -> Iterator[str]:
    what = " ".join(filter(None, (name, version)))
    match kind(licence):
        case Kind.COPYLEFT if (name, licence) not in EXCEPTIONS:
            yield f"{what} is under {licence}, a copyleft licence: take another package, or add an exception with its reason in {_HERE}"
        case Kind.UNKNOWN:
            said = " ".join(licence.split())[:80]
            said = f"an unknown licence ({said})" if said else "no licence that its metadata names"
            yield f"{what} is under {said}: read its licence file, and say in {_HERE} what it is"


def main() -> int:
    """Prints the list, and the problems to stderr; returns 1 where there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path, help="the folder of a built package")
    package = parser.parse_args().package
    found = distributions(package)
    if not found:
        print(f"{package} holds no distribution: build it with make build", file=sys.stderr)
        return 1
    table = list(rows(found))
    wide, high = (max(len(row[column]) for row in table) for column in (0, 1))
    for name, version, licence in table:
        reason = EXCEPTIONS.get((name, licence))
        print(f"{name:<{wide}}  {version:<{high}}  {licence}{f'  ({reason})' if reason else ''}")
    wrong = [*problems(found), *(f"{path} belongs to no distribution: nobody says where it is from" for path in strangers(package, found))]
    for problem in wrong:
        print(problem, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
