"""Rule file: reads a user's settings of the rules, in YAML (which includes JSON), over the defaults. Each mistake has its line."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import msgspec
import yaml

from pipeline.detect.rule import Rule, Rules, default_rules
from pipeline.detect.verdict import FindingSeverity
from pipeline.errors import MisconfiguredError

_BOOLEAN, _NULL = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null"
_BOOLEANS: Mapping[str, bool] = yaml.SafeLoader.bool_values
_SEVERITIES = get_args(FindingSeverity)


@lru_cache(maxsize=8)
def read_rule_file(path: str) -> Rules:
    """Reads the rules of a file, over the defaults, once. Raises a MisconfiguredError that names every mistake with its line."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeError as error:
        raise MisconfiguredError([f"the rule file {path} is not UTF-8: save it as UTF-8 ({error})"]) from error
    except OSError as error:
        raise MisconfiguredError([f"the rule file {path} can't be read: {error}"]) from error
    return read_rules(text, name=Path(path).name)


def read_rules(text: str, *, name: str = "rules") -> Rules:
    """Reads rules from YAML text, over the defaults. Raises a MisconfiguredError that names every mistake with its line.

    Args:
        text: a mapping of rule names to `enabled`, `severity`, `services` and `expected`.
        name: the file's name, which each mistake begins with.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise MisconfiguredError([f"{name}:{line}: this is no YAML: {error.problem or error}"]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise MisconfiguredError([f"{name}:{line}: this is no YAML: take out the character {chr(error.character)!r}"]) from error
    except RecursionError as error:
        raise MisconfiguredError([f"{name}:1: this is nested too deep: expected a rule's name with its settings below it"]) from error
    reader = _Reader(name)
    rules = reader.rules(root)
    if reader.problems:
        raise MisconfiguredError(reader.problems)
    return {**default_rules(), **rules}


class _Reader:
    """Reads YAML nodes, and collects each mistake."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.problems: list[str] = []

    def rules(self, root: yaml.Node | None) -> dict[str, Rule]:
        if root is None or root.tag == _NULL:
            return {}
        if not isinstance(root, yaml.MappingNode):
            self._problem(root, "expected a rule's name with its settings below it, such as `timeout: {severity: notice}`")
            return {}
        defaults = default_rules()
        found: dict[str, Rule] = {}
        for key, name, value in self._entries(root, "rule", defaults):
            if not isinstance(value, yaml.MappingNode):
                self._problem(key, f"{name} needs its settings below it, such as `enabled: false`")
            else:
                found[name] = self._rule(value, defaults[name])
        return found

    def _rule(self, node: yaml.MappingNode, default: Rule) -> Rule:
        readers = {"enabled": self._boolean, "severity": self._severity, "services": self._services, "expected": self._expected}
        changes: dict[str, Any] = {}
        for _, name, value in self._entries(node, "setting", readers):
            changes[name] = readers[name](value, default)
        return msgspec.structs.replace(default, **{name: value for name, value in changes.items() if value is not None})

    def _entries(self, node: yaml.MappingNode, what: str, known: Iterable[str]) -> Iterator[tuple[yaml.Node, str, yaml.Node]]:
        """The entries of a mapping whose key is one of ``known``; any other key is a mistake."""
        names, seen = tuple(known), dict[str, int]()
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            if name not in names:
                close = get_close_matches(name, names, n=1)
                self._problem(
                    key, f"there is no {what} {name!r}" + (f": did you mean {close[0]}?" if close else f"; there is {', '.join(names)}")
                )
            elif name in seen:
                self._problem(key, f"{name} stands here again, after line {seen[name]}")
            else:
                seen[name] = key.start_mark.line + 1
                yield key, name, value

    def _boolean(self, node: yaml.Node, _: Rule) -> bool | None:
        if isinstance(node, yaml.ScalarNode) and node.tag == _BOOLEAN and node.value.lower() in _BOOLEANS:
            return _BOOLEANS[node.value.lower()]
        self._problem(node, f"enabled must be true or false, not {_shown(node)}")
        return None

    def _severity(self, node: yaml.Node, _: Rule) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.value in _SEVERITIES:
            return str(node.value)
        self._problem(node, f"severity must be {' or '.join(_SEVERITIES)}, not {_shown(node)}")
        return None

    def _services(self, node: yaml.Node, _: Rule) -> tuple[str, ...] | None:
        return self._names(node, "services", "service names such as orders, pay-* or !checkout")

    def _expected(self, node: yaml.Node, default: Rule) -> tuple[str, ...] | None:
        names = self._names(node, "expected", "exception types, error codes and statuses such as NoSuchKey, 404 or !304")
        if names is None:
            return None
        gone = {name[1:] for name in names if name.startswith("!")}
        return tuple(dict.fromkeys(name for name in (*default.expected, *names) if name not in gone and not name.startswith("!")))

    def _names(self, node: yaml.Node, setting: str, of_what: str) -> tuple[str, ...] | None:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        wrong = [item for item in nodes if not isinstance(item, yaml.ScalarNode) or item.tag == _NULL or not item.value.strip("! ")]
        for item in wrong:
            self._problem(item, f"{setting} must be a list of {of_what}, not {_shown(item)}")
        return None if wrong else tuple(str(item.value).strip() for item in nodes)

    def _problem(self, node: yaml.Node, what: str) -> None:
        self.problems.append(f"{self._name}:{node.start_mark.line + 1}: {what}")


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value)
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"
