"""Hashes: `make hashes` writes into requirements the SHA-256 of each wheel that a package may be built of.

The wheels are those that pip picks for each architecture and each version of Python. Run it after a version was changed.
"""

import argparse
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from supply_chain.package import normalised
from supply_chain.pip_report import Wheel, wheels

MACHINES: Final = ("aarch64", "x86_64")
PLATFORMS: Final = ("manylinux_2_28", "manylinux2014")


def pinned(text: str) -> list[str]:
    """The lines of requirements without their hashes; comments stay."""
    lines = (line.rstrip(" \\") for line in text.splitlines())
    return [re.sub(r"\s*\\?\s*--hash=\S+", "", line).rstrip() for line in lines if not line.lstrip().startswith("--hash=")]


def with_hashes(lines: Iterable[str], hashes: Mapping[str, set[str]]) -> str:
    """Requirements with their hashes.

    Args:
        lines: the lines that `pinned` returned.
        hashes: SHA-256 digests in hexadecimal, by normalised name.

    Raises KeyError for a requirement without a hash.
    """
    written = []
    for line in lines:
        if "==" not in line or line.startswith("#"):
            written.append(line)
            continue
        name = normalised(line.partition("==")[0])
        written.append(" \\\n".join([line, *(f"    --hash=sha256:{digest}" for digest in sorted(hashes[name]))]))
    return "\n".join(written) + "\n"


def find(lines: Iterable[str], pythons: Iterable[str]) -> dict[str, set[str]]:
    """The SHA-256 of each wheel that pip picks for requirements without hashes, by normalised name, for all architectures together.

    Raises CalledProcessError where there is no wheel; pip has said why.
    """
    hashes: defaultdict[str, set[str]] = defaultdict(set)
    with TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text("\n".join(lines), encoding="utf-8")
        for python, machine in product(pythons, MACHINES):
            for name, wheel in _pick(requirements, python, machine).items():
                hashes[name].add(wheel.sha256)
    return hashes


def _pick(requirements: Path, python: str, machine: str) -> dict[str, Wheel]:
    folder = requirements.parent
    report = folder / "report.json"
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run", "--ignore-installed", "--no-deps",
        "--requirement", str(requirements), "--target", str(folder), "--report", str(report), "--implementation", "cp",
        "--python-version", python, "--only-binary=:all:", *(f"--platform={platform}_{machine}" for platform in PLATFORMS),
    ]  # fmt: skip
    subprocess.run(command, check=True)  # noqa: S603
    return wheels(report)


def main() -> int:
    """Rewrites each file; returns 1 where pip does not find a wheel."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--python", required=True, help='versions of Python, such as "3.12 3.13"')
    given = parser.parse_args()
    for file in given.files:
        lines = pinned(file.read_text(encoding="utf-8"))
        try:
            hashes = find(lines, given.python.split())
        except subprocess.CalledProcessError:
            print(f"{file} stays as it is: pip found no wheel for one of Python {given.python}, see above", file=sys.stderr)
            return 1
        file.write_text(with_hashes(lines, hashes), encoding="utf-8")
        print(f"{file}: {sum(map(len, hashes.values()))} hashes of {len(hashes)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
