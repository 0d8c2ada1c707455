"""Policy file: reads what of healthy traffic a user wants to keep, in YAML (which includes JSON). Each mistake has its line."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from pipeline.model.yaml_nodes import NULL, NodeReader, compose, read_text, shown
from pipeline.retain.policy import LONGEST_GRACE_MS, SHORTEST_GRACE_MS, Asked, Days, Policy, ShareRule, Slow

_PERCENT: Final = re.compile(r"(\d{1,3}(?:\.\d{1,4})?)\s?%", re.ASCII)
_DURATION: Final = re.compile(r"(\d{1,6})\s?(ms|s|m|h|d)", re.ASCII)
_UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
# the lowest OpenTelemetry severity number of each (OpenTelemetry, "Logs Data Model")
_LEVELS: Final = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
_EXPECTED: Final = "what to keep, such as `keep: 10%`"


@lru_cache(maxsize=8)
def read_policy_file(path: str) -> Policy:
    """Reads the policy of a file, once. Raises a MisconfiguredError that names every mistake with its line."""
    return read_policy(read_text(path, what="policy file"), name=Path(path).name)


def read_policy(text: str, *, name: str = "policy") -> Policy:
    """Reads a policy from YAML text; what it leaves out is as `Policy` has it. Raises a MisconfiguredError with every mistake and its line.

    Args:
        text: a mapping of `keep`, `grace`, `slow`, `asked`, `rules` and `days` (docs/retention.md).
        name: the file's name, which each mistake begins with.
    """
    reader = _Reader(name)
    policy = reader.policy(compose(text, name=name, expected=_EXPECTED))
    reader.require_none()
    return policy


class _Reader(NodeReader):
    """Reads the nodes of a policy file; what is wrong reads as None."""

    def policy(self, root: yaml.Node | None) -> Policy:
        readers = {"keep": self._share, "grace": self._grace, "slow": self._slow, "asked": self._asked, "rules": self._rules,
                   "days": self._days}  # fmt: skip
        fields = {} if root is None else self._mapping(root, "setting", readers, _EXPECTED)
        names = {"grace": "grace_ms"}
        return Policy(name=self._name, **{names.get(key, key): value for key, value in fields.items()})

    def _mapping(self, node: yaml.Node, what: str, readers: Mapping[str, Callable[[yaml.Node], Any]], expected: str) -> dict[str, Any]:
        """The values of a mapping by key, each as its reader gives it; without those that are wrong."""
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, f"expected {expected}, not {shown(node)}")
            return {}
        read = {name: readers[name](value) for _, name, value in self.entries(node, what, readers)}
        return {name: value for name, value in read.items() if value is not None}

    def _share(self, node: yaml.Node) -> float | None:
        found = _PERCENT.fullmatch(_text(node))
        if found and float(found[1]) <= 100:  # noqa: PLR2004  # per cent
            return float(found[1]) / 100
        self.problem(node, f"keep must be a share from 0% to 100%, such as 10%, not {shown(node)}")
        return None

    def _duration(self, node: yaml.Node, setting: str, example: str) -> int | None:
        if found := _DURATION.fullmatch(_text(node)):
            return int(found[1]) * _UNITS_MS[found[2]]
        self.problem(node, f"{setting} must be a number with ms, s, m, h or d, such as {example}, not {shown(node)}")
        return None

    def _grace(self, node: yaml.Node) -> int | None:
        grace = self._duration(node, "grace", "1h")
        if grace is not None and grace < SHORTEST_GRACE_MS:
            self.problem(node, "grace must be 15m or longer: so long an invocation of Lambda may take, and lines be late")
        if grace is not None and grace > LONGEST_GRACE_MS:
            self.problem(node, "grace must be 365d or shorter: with a longer one nothing would ever go")
        return grace

    def _slow(self, node: yaml.Node) -> Slow:
        readers = {"percentile": self._percentile, "over": lambda value: self._duration(value, "over", "3s")}
        found = self._mapping(node, "setting of slow", readers, "`percentile: 99` or `over: 3s`")
        return Slow(percentile=found.get("percentile"), over_ms=found.get("over", 0))

    def _percentile(self, node: yaml.Node) -> float | None:
        text = _text(node)
        if re.fullmatch(r"\d{1,2}(\.\d{1,3})?", text, re.ASCII) and float(text):
            return float(text)
        self.problem(node, f"percentile must be above 0 and below 100, such as 99, not {shown(node)}")
        return None

    def _asked(self, node: yaml.Node) -> Asked:
        readers: dict[str, Callable[[yaml.Node], Any]] = {
            "annotations": self._patterns,
            "headers": self._patterns,
            "correlationIds": lambda value: self.names(value, "correlationIds", "correlation ids such as vip-*"),
        }
        found = self._mapping(node, "setting of asked", readers, "`annotations`, `headers` or `correlationIds` with patterns below")
        headers = {name.lower(): patterns for name, patterns in found.get("headers", {}).items()}
        return Asked(annotations=found.get("annotations", {}), headers=headers, correlation_ids=found.get("correlationIds", ()))

    def _patterns(self, node: yaml.Node) -> dict[str, tuple[str, ...]] | None:
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, f"expected names, each with a pattern of its value, such as `debug: true`, not {shown(node)}")
            return None
        found: dict[str, tuple[str, ...]] = {}
        for key, value in node.value:
            name = _text(key)
            if not name:
                self.problem(key, f"expected a name, not {shown(key)}")
            elif name in found:
                self.problem(key, f"{name} stands here again")
            else:
                found[name] = self.names(value, name, "patterns such as true or *") or ()
        return found

    def _rules(self, node: yaml.Node) -> tuple[ShareRule, ...] | None:
        if not isinstance(node, yaml.SequenceNode):
            self.problem(node, f"rules must be a list such as `- {{services: [checkout], keep: 50%}}`, not {shown(node)}")
            return None
        return tuple(rule for item in node.value if (rule := self._rule(item)))

    def _rule(self, node: yaml.Node) -> ShareRule | None:
        readers = {
            "keep": self._share,
            "services": lambda value: self._wanted(value, "services", "service names such as orders or pay-*"),
            "logGroups": lambda value: self._wanted(value, "logGroups", "log groups such as /aws/lambda/batch-*"),
            "level": self._level,
        }
        before = len(self.problems)
        found = self._mapping(node, "setting of a rule", readers, "a rule such as `{services: [checkout], keep: 50%}`")
        if len(self.problems) > before:
            return None
        if "keep" not in found:
            self.problem(node, "this rule lacks its share, such as `keep: 50%`")
            return None
        if not any(found.get(name) for name in ("services", "logGroups", "level")):
            self.problem(node, "this rule is about everything: name services, logGroups or a level, or set `keep` at the top")
            return None
        return ShareRule(keep=found["keep"], services=found.get("services", ()), log_groups=found.get("logGroups", ()),
                         level=found.get("level", 0), line=node.start_mark.line + 1)  # fmt: skip

    def _wanted(self, node: yaml.Node, setting: str, of_what: str) -> tuple[str, ...] | None:
        found = self.names(node, setting, of_what)
        if denied := [name for name in found or () if name.startswith("!")]:
            self.problem(node, f"{setting} takes no {denied[0]}: give these a rule of their own, since the largest share counts")
        return found

    def _level(self, node: yaml.Node) -> int | None:
        if level := _LEVELS.get(_text(node).lower()):
            return level
        self.problem(node, f"level must be one of {', '.join(_LEVELS)}, not {shown(node)}")
        return None

    def _days(self, node: yaml.Node) -> Days:
        healthy = dict.fromkeys(("logs", "spans", "traces"), self._number)
        example = "`healthy: {logs: 7}` or `untraced: {logs: 3}`"
        readers: dict[str, Callable[[yaml.Node], Any]] = {
            "healthy": lambda value: self._mapping(value, "kind", healthy, "kinds with days, such as `logs: 7`"),
            "untraced": lambda value: self._mapping(value, "kind", {"logs": self._number}, "`logs: 3`"),
        }
        found = self._mapping(node, "setting of days", readers, example)
        return msgspec.convert({**found.get("healthy", {}), "untraced": found.get("untraced", {}).get("logs", 0)}, Days)

    def _number(self, node: yaml.Node) -> int | None:
        text = _text(node)
        if re.fullmatch(r"[1-9]\d{0,3}", text, re.ASCII):
            return int(text)
        self.problem(node, f"days must be a whole number above 0, not {shown(node)}")
        return None


def _text(node: yaml.Node) -> str:
    """The text of a scalar; empty for everything else."""
    return str(node.value).strip() if isinstance(node, yaml.ScalarNode) and node.tag != NULL else ""
