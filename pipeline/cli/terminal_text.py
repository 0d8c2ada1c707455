"""Terminal text: makes foreign text safe to print in a terminal."""

import re

from pipeline.model.display_controls import visible


def terminal_safe(text: str) -> str:
    """``text`` without anything that steers a terminal: each ASCII control becomes its picture, the rest a replacement character."""
    return visible(text)


def one_line(text: str) -> str:
    """``text`` like `terminal_safe`, on one line: each run of white space becomes a space."""
    return visible(re.sub(r"\s+", " ", text))
