"""Selector: decides by name pattern and tag which log groups are shipped; never one that the pipeline itself writes to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from typing import Final

from pipeline.errors import BadInputError
from pipeline.model.log_groups import OPENSEARCH_LOG_GROUPS, SPANS_LOG_GROUP

PIPELINE_TAG: Final = "tracejoin:pipeline"
"""The key of the tag on the log groups of any tracejoin stack: two stacks that ship each other's logs would loop for ever."""

# aws/spans holds spans of our own functions; the stack subscribes it where it is the source of traces
_OWN_PATH: Final = (*(f"{start}*" for start in OPENSEARCH_LOG_GROUPS), SPANS_LOG_GROUP)

# the characters that CreateLogGroup takes (Amazon CloudWatch Logs API reference), and wild cards
_PATTERN = re.compile(r"!?[\w/.#*?-]{1,513}", re.ASCII)


# not slotted: the instance caches the compiled patterns
@dataclass(frozen=True)
class LogGroupSelector:
    """Decides which log groups are subscribed.

    Attributes:
        patterns: names of log groups, with `*` and `?`; a pattern with a `!` before it excludes names that the others include.
        tag: `key` or `key=value`, a tag that a log group must have, too; empty for none.
        excluded: names that are never selected.

    Raises BadInputError where a pattern can't match any log group's name, or where all patterns exclude.
    """

    patterns: tuple[str, ...]
    tag: str = ""
    excluded: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        bad = [pattern for pattern in self.patterns if not _PATTERN.fullmatch(pattern)]
        if bad:
            raise BadInputError(f"{bad[0]!r} is no pattern of log group names: expected letters, digits, _ - / . # with * and ?")
        if self.patterns and not any(not pattern.startswith("!") for pattern in self.patterns):
            raise BadInputError(f"{', '.join(self.patterns)} only takes away: expected at least one pattern without a !")

    def names(self, name: str) -> bool:
        """Whether the log group ``name`` is selected by its name, whatever its tags."""
        included, excluded = self._compiled
        return name not in self.excluded and bool(included.match(name)) and not excluded.match(name)

    def wants(self, name: str, tags: Mapping[str, str]) -> bool:
        """Whether the log group ``name`` with these ``tags`` is to be subscribed."""
        key, equals, value = self.tag.partition("=")
        tagged = not key or (key in tags and (not equals or tags[key] == value))
        return tagged and PIPELINE_TAG not in tags and self.names(name)

    @cached_property
    def _compiled(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        included = [pattern for pattern in self.patterns if not pattern.startswith("!")]
        return _any(included), _any([*(pattern[1:] for pattern in self.patterns if pattern.startswith("!")), *_OWN_PATH])


def _any(patterns: list[str]) -> re.Pattern[str]:
    # without patterns nothing matches
    return re.compile("|".join(map(translate, patterns)) or r"(?!)")
