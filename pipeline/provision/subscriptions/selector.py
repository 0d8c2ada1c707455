"""Choice: which log groups are to be shipped, by name pattern and tag; never one of the pipeline's own path."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from typing import Final

from pipeline.errors import BadInputError
from pipeline.model.log_groups import OPENSEARCH_LOG_GROUPS, SPANS_LOG_GROUP

PIPELINE_TAG: Final = "tracejoin:pipeline"
"""The key of the tag on the log groups of any tracejoin stack: two stacks that shipped each other's logs would never end."""

# spans of our own functions are in aws/spans; the stack subscribes it where it is the source of traces
_OWN_PATH: Final = (*(f"{start}*" for start in OPENSEARCH_LOG_GROUPS), SPANS_LOG_GROUP)

# CreateLogGroup takes these, and a pattern the wild cards beside them (Amazon CloudWatch Logs API reference)
_PATTERN = re.compile(r"!?[\w/.#*?-]{1,513}", re.ASCII)


# not slotted: the compiled patterns are kept in the instance
@dataclass(frozen=True)
class LogGroupSelector:
    """What is to be subscribed.

    Attributes:
        patterns: names of log groups, with `*` and `?`; one with a `!` before it takes away what the others let in.
        tag: `key` or `key=value` that a log group must carry beside; empty for none.
        excluded: names that are never chosen.

    Raises BadInputError where a pattern can't be a log group's name, or all of them only take away.
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
        """Whether a log group of this ``name`` is chosen, whatever its tags say."""
        let_in, taken_away = self._compiled
        return name not in self.excluded and bool(let_in.match(name)) and not taken_away.match(name)

    def wants(self, name: str, tags: Mapping[str, str]) -> bool:
        """Whether the log group of this ``name`` with these ``tags`` is to be subscribed."""
        key, equals, value = self.tag.partition("=")
        tagged = not key or (key in tags and (not equals or tags[key] == value))
        return tagged and PIPELINE_TAG not in tags and self.names(name)

    @cached_property
    def _compiled(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        let_in = [pattern for pattern in self.patterns if not pattern.startswith("!")]
        return _any(let_in), _any([*(pattern[1:] for pattern in self.patterns if pattern.startswith("!")), *_OWN_PATH])


def _any(patterns: list[str]) -> re.Pattern[str]:
    # without patterns nothing matches
    return re.compile("|".join(map(translate, patterns)) or r"(?!)")
