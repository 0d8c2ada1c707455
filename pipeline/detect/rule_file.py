"""Rule file: reads a user's settings of the rules, in YAML (which includes JSON), over the defaults. Each mistake has its line."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import yaml

from pipeline.detect.rule import Rule, Rules, default_rules
from pipeline.detect.verdict import FindingSeverity
from pipeline.model.yaml_nodes import NodeReader, compose, read_text, shown

_BOOLEAN: Final = "tag:yaml.org,2002:bool"
_BOOLEANS: Mapping[str, bool] = yaml.SafeLoader.bool_values
_SEVERITIES = get_args(FindingSeverity)


@lru_cache(maxsize=8)
def read_rule_file(path: str) -> Rules:
    """Reads the rules of a file, over the defaults, once. Raises a MisconfiguredError that names every mistake with its line."""
    return read_rules(read_text(path, what="rule file"), name=Path(path).name)


def read_rules(text: str, *, name: str = "rules") -> Rules:
    """Reads rules from YAML text, over the defaults. Raises a MisconfiguredError that names every mistake with its line.

    Args:
        text: a mapping of rule names to `enabled`, `severity`, `services` and `expected`.
        name: the file's name, which each mistake begins with.
    """
    root = compose(text, name=name, expected="a rule's name with its settings below it")
    reader = _Reader(name)
    rules = reader.rules(root)
    reader.require_none()
    return {**default_rules(), **rules}


class _Reader(NodeReader):
    """Reads the nodes of a rule file."""

    def rules(self, root: yaml.Node | None) -> dict[str, Rule]:
        if root is None:
            return {}
        if not isinstance(root, yaml.MappingNode):
            self.problem(root, "expected a rule's name with its settings below it, such as `timeout: {severity: notice}`")
            return {}
        defaults = default_rules()
        found: dict[str, Rule] = {}
        for key, name, value in self.entries(root, "rule", defaults):
            if not isinstance(value, yaml.MappingNode):
                self.problem(key, f"{name} needs its settings below it, such as `enabled: false`")
            else:
                found[name] = self._rule(value, defaults[name])
        return found

    def _rule(self, node: yaml.MappingNode, default: Rule) -> Rule:
        readers = {"enabled": self._boolean, "severity": self._severity, "services": self._services, "expected": self._expected}
        changes: dict[str, Any] = {}
        for _, name, value in self.entries(node, "setting", readers):
            changes[name] = readers[name](value, default)
        return msgspec.structs.replace(default, **{name: value for name, value in changes.items() if value is not None})

    def _boolean(self, node: yaml.Node, _: Rule) -> bool | None:
        if isinstance(node, yaml.ScalarNode) and node.tag == _BOOLEAN and node.value.lower() in _BOOLEANS:
            return _BOOLEANS[node.value.lower()]
        self.problem(node, f"enabled must be true or false, not {shown(node)}")
        return None

    def _severity(self, node: yaml.Node, _: Rule) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.value in _SEVERITIES:
            return str(node.value)
        self.problem(node, f"severity must be {' or '.join(_SEVERITIES)}, not {shown(node)}")
        return None

    def _services(self, node: yaml.Node, _: Rule) -> tuple[str, ...] | None:
        return self.names(node, "services", "service names such as orders, pay-* or !checkout")

    def _expected(self, node: yaml.Node, default: Rule) -> tuple[str, ...] | None:
        names = self.names(node, "expected", "exception types, error codes and statuses such as NoSuchKey, 404 or !304")
        if names is None:
            return None
        gone = {name[1:] for name in names if name.startswith("!")}
        return tuple(dict.fromkeys(name for name in (*default.expected, *names) if name not in gone and not name.startswith("!")))
