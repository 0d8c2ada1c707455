"""Selection: which log groups the stack wants, by name pattern and tag; never one of a pipeline's own."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import translate
from typing import Final

PIPELINE_TAG: Final = "tracejoin:pipeline"
"""The key of the tag on the log groups of any tracejoin stack."""


def selected(patterns: Sequence[str], tag: str, excluded: Collection[str]) -> Callable[[str, Mapping[str, str]], bool]:
    """Whether a log group, by its name and its tags, is to be subscribed.

    Args:
        patterns: names with `*` and `?`; one with a `!` before it takes away what the others let in. Without one that lets in, nothing is.
        tag: `key` or `key=value` that it must carry beside; empty for none.
        excluded: names that are never chosen.
    """
    let_in = _any([pattern for pattern in patterns if not pattern.startswith("!")])
    taken_away = _any([pattern[1:] for pattern in patterns if pattern.startswith("!")])
    key, equals, value = tag.partition("=")

    def wants(name: str, tags: Mapping[str, str]) -> bool:
        tagged = not key or (key in tags and (not equals or tags[key] == value))
        named = name not in excluded and let_in.match(name) is not None and taken_away.match(name) is None
        return tagged and named and PIPELINE_TAG not in tags

    return wants


def _any(patterns: Sequence[str]) -> re.Pattern[str]:
    # without patterns nothing matches
    return re.compile("|".join(map(translate, patterns)) or r"(?!)")
