"""Meanings: what people wrote of that which the code only names, in `meanings.yaml`."""

from collections.abc import Collection
from pathlib import Path

import yaml

_FILE = Path(__file__).with_name("meanings.yaml")


def introduction(name: str) -> str:
    """Gives the paragraphs with which the reference page ``name`` begins."""
    return str(_written()["introductions"][name])


def fitting(kind: str, names: Collection[str]) -> dict[str, str]:
    """Gives the meanings of a ``kind``, by name and in the file's order. Raises ValueError unless they are exactly those of ``names``."""
    written = _written()[kind]
    problems = [f"{name} has no meaning" for name in sorted(set(names) - set(written))]
    problems += [f"{name} is not there any more" for name in sorted(set(written) - set(names))]
    if problems:
        raise ValueError(f"manual/meanings.yaml, {kind}: {'; '.join(problems)}")
    return written


def _written() -> dict[str, dict[str, str]]:
    content: dict[str, dict[str, str]] = yaml.safe_load(_FILE.read_text())
    return content
