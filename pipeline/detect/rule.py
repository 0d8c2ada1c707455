"""Rule: the settings of one rule. The defaults are data, in `default_rules.json`."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files

import msgspec

from pipeline.detect.verdict import FindingSeverity


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one rule.

    Attributes:
        enabled: whether the rule runs.
        severity: of its findings; `notice` at most if the caller plainly saw an error.
        services: patterns with `*` and `?` of the services that it is about, or with `!` first of those that it is not; empty for all.
        expected: exception types, error codes and statuses that are no failure.
    """

    enabled: bool = True
    severity: FindingSeverity = "alert"
    services: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()

    def is_about(self, service_name: str) -> bool:
        """Whether the rule is about the failures of this service."""
        denied = [pattern[1:] for pattern in self.services if pattern.startswith("!")]
        wanted = [pattern for pattern in self.services if not pattern.startswith("!")]
        return not _matches(service_name, denied) and (not wanted or _matches(service_name, wanted))


Rules = Mapping[str, Rule]


@lru_cache(maxsize=1)
def default_rules() -> Rules:
    """Gives the rules as they ship, by name."""
    return msgspec.json.decode((files("pipeline.detect") / "default_rules.json").read_bytes(), type=dict[str, Rule])


def _matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
