"""Rule: what can be set of one rule. The defaults are data, in `rules.json`."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files

import msgspec

from pipeline.detect.verdict import FindingSeverity


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a user can set of one rule.

    Attributes:
        enabled: whether it looks at all.
        severity: of what it finds; `notice` at most where the caller plainly saw an error.
        services: whose failures it is about: names with `*` and `?`, with `!` before them those that it is not about; empty for all.
        expected: exception types, error codes and statuses that are no failure.
    """

    enabled: bool = True
    severity: FindingSeverity = "alert"
    services: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()

    def is_about(self, service_name: str) -> bool:
        """Whether it looks at this service."""
        denied = [pattern[1:] for pattern in self.services if pattern.startswith("!")]
        wanted = [pattern for pattern in self.services if not pattern.startswith("!")]
        return not _matches(service_name, denied) and (not wanted or _matches(service_name, wanted))


Rules = Mapping[str, Rule]


@lru_cache(maxsize=1)
def default_rules() -> Rules:
    """The rules as they ship, from `rules.json`."""
    return msgspec.json.decode((files("pipeline.detect") / "default_rules.json").read_bytes(), type=dict[str, Rule])


def _matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
