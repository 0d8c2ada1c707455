"""Markdown: tables and texts that GitHub and MkDocs show alike."""

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(``?[^`]+``?)")
_MARKS = re.compile(r"([*\[\]])")
_PAGE = re.compile(r"\bdocs/([\w/-]+)\.md\b")
_SPACE = re.compile(r"\s+")


def plain(text: str) -> str:
    """``text`` on one line, with nothing in it that Markdown reads as a mark, but for code in backticks; `docs/x.md` becomes a link."""
    parts = _CODE.split(_SPACE.sub(" ", text).strip())
    return "".join(part if number % 2 else _prose(part) for number, part in enumerate(parts))


def _prose(text: str) -> str:
    """Prose without marks; Python-Markdown takes no backslash before `<`."""
    return _PAGE.sub(r"[\1.md](../\1.md)", _MARKS.sub(r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;")))


def code(text: str) -> str:
    """``text`` as code; nothing where it is empty."""
    return f"`{text}`" if text else ""


def codes(texts: Iterable[str]) -> str:
    """``texts`` as code, with commas between."""
    return ", ".join(map(code, texts))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of ready cells, with ``head`` above; a bar in a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def page(title: str, source: str, *parts: str) -> str:
    """A whole page: its ``title``, the word that it is made from ``source``, and its ``parts``."""
    made = f"<!-- Made by `make reference` from {source}. Changes here are lost. -->"
    return "\n\n".join([f"# {title}", made, *(part.strip("\n") for part in parts)]) + "\n"
