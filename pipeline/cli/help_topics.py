"""Help topics: pages of the manual, and parts of them, as a terminal shows them. The folder `topics` has links to those in `docs/`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from rich.console import RenderableType
from rich.markdown import Markdown

from pipeline.cli.terminal_text import terminal_safe
from pipeline.errors import TracejoinError

_LINK: Final = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]*\)")
_HEADING: Final = re.compile(r"^## +(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes:
        title: what it is about.
        page: the file in docs/.
        heading: the part of it below this heading of the second level; empty for the whole page.
    """

    title: str
    page: str
    heading: str = ""


TOPICS: Final[Mapping[str, Topic]] = MappingProxyType({
    "query": Topic("the language of `search` and of the page", "search.md"),
    "ids": Topic("which ids are understood, and how they may be pasted", "search.md", "What you paste"),
    "time": Topic("how --since and --until read a time", "command-line.md", "Time"),
    "output": Topic("tables, JSON and CSV, and what goes to stderr", "command-line.md", "Output"),
    "exit-status": Topic("what 0, 1, 2 and 130 mean", "command-line.md", "Exit status"),
    "environment": Topic("options, environment, configuration file, contexts", "command-line.md", "Configuration"),
    "completion": Topic("completion in bash, zsh and fish", "command-line.md", "Shell completion"),
})  # fmt: skip
"""The topics by name."""


def topic_text(name: str) -> RenderableType:
    """Returns a topic as something that rich prints at the terminal's width. Raises TracejoinError where the manual is not installed."""
    topic = TOPICS[name]
    try:
        page = (files("pipeline.cli") / "topics" / topic.page).read_text(encoding="utf-8")
    except OSError as error:
        raise TracejoinError(f"docs/{topic.page} was not installed with the command: install tracejoin anew") from error
    # a link between pages leads nowhere in a terminal
    return Markdown(terminal_safe(_LINK.sub(r"\1", part_of(page, topic.heading))), hyperlinks=False)


def part_of(page: str, heading: str) -> str:
    """Returns the part of a page below a heading of the second level, up to the next one; the whole page where ``heading`` is empty.

    Raises ValueError where the page has no such heading.
    """
    if not heading:
        return page
    headings = {match[1]: match.start() for match in _HEADING.finditer(page)}
    if heading not in headings:
        raise ValueError(f"there is no heading {heading!r}")
    begin = headings[heading]
    return page[begin : min((other for other in headings.values() if other > begin), default=len(page))]
