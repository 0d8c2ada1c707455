"""Pip report: reads which wheels pip picked.

Source: pip's documentation, "Installation Report" (version 1).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supply_chain.package import normalised


@dataclass(frozen=True, slots=True)
class Wheel:
    """The wheel that a distribution was installed from: its file's name, and its SHA-256 in hexadecimal."""

    file: str
    sha256: str


def wheels(report: Path) -> dict[str, Wheel]:
    """The wheels in a report of `pip install --report`, by the distribution's normalised name. Raises OSError, KeyError or ValueError."""
    found = {}
    for entry in json.loads(report.read_text(encoding="utf-8"))["install"]:
        source = entry["download_info"]
        # the URL may name a private index, so its last part alone is kept
        file = source["url"].rpartition("/")[2]
        found[normalised(entry["metadata"]["name"])] = Wheel(file, _sha256(source["archive_info"]))
    return found


def _sha256(archive: dict[str, Any]) -> str:
    # pip before 23.1 knows one hash only
    return str(archive["hashes"]["sha256"] if "hashes" in archive else archive["hash"].removeprefix("sha256="))
