"""Reference: the pages in `docs/reference/` that are made from the code, and which of them are out of date."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from manual.commands_page import commands_page
from manual.fields_page import fields_page
from manual.metrics_page import metrics_page
from manual.rules_page import rules_page
from manual.settings_page import settings_page
from manual.stack_pages import alarms_page, parameters_page

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "commands": commands_page, "settings": settings_page, "parameters": parameters_page, "fields": fields_page, "rules": rules_page,
    "metrics": metrics_page, "alarms": alarms_page,
}  # fmt: skip
"""What makes each page, by its name in the folder."""


def write(folder: Path) -> None:
    """Writes every page into ``folder``."""
    for name, make in PAGES.items():
        (folder / f"{name}.md").write_text(make())


def stale(folder: Path) -> list[str]:
    """Names the pages in ``folder`` that are not what the code gives, a line each, with what mends them."""
    found = []
    for name, make in PAGES.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text() != make():
            found.append(f"docs/reference/{name}.md is out of date: run `make reference`")
    return found
