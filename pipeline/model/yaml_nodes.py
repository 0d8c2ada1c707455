"""YAML nodes: reads a settings file of a user, in YAML (which includes JSON), so that each mistake in it can be told with its line."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import yaml

from pipeline.errors import MisconfiguredError
from pipeline.model.close_names import did_you_mean

NULL: Final = "tag:yaml.org,2002:null"
_LONGEST: Final = 60
_MOST_PROBLEMS: Final = 20


def read_text(path: str, *, what: str) -> str:
    """Returns the text of a file; ``what`` names it. Raises MisconfiguredError where it can't be read, or is not UTF-8."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeError as error:
        raise MisconfiguredError([f"the {what} {path} is not UTF-8: save it as UTF-8 ({error})"]) from error
    except OSError as error:
        raise MisconfiguredError([f"the {what} {path} can't be read: {error}"]) from error


def compose(text: str, *, name: str, expected: str) -> yaml.Node | None:
    """Returns the root node of YAML text, None where it is empty. Raises a MisconfiguredError that names the line where it is no YAML.

    Args:
        text: the YAML text.
        name: the file's name, which the mistake begins with.
        expected: what ought to stand there, in words.
    """
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise MisconfiguredError([f"{name}:{line}: this is no YAML: {error.problem or error}"]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise MisconfiguredError([f"{name}:{line}: this is no YAML: take out the character {chr(error.character)!r}"]) from error
    except (ValueError, OverflowError) as error:
        # PyYAML makes the character of an escape such as "\\U00110000" without a look at its number
        line = text.count("\n", 0, text.find("\\U")) + 1
        raise MisconfiguredError([f"{name}:{line}: this is no YAML: an escape after a backslash stands for no character"]) from error
    except RecursionError as error:
        raise MisconfiguredError([f"{name}:1: this is nested too deep: expected {expected}"]) from error
    return None if root is None or root.tag == NULL else root


class NodeReader:
    """Reads YAML nodes, and collects each mistake; ``name`` is the file's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.problems: list[str] = []

    def entries(self, node: yaml.MappingNode, what: str, known: Iterable[str]) -> Iterator[tuple[yaml.Node, str, yaml.Node]]:
        """Yields the entries of a mapping whose key is one of ``known``: the key's node, the key, the value's node. Others are mistakes."""
        names, seen = tuple(known), dict[str, int]()
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            if name not in names:
                close = did_you_mean(name, names)
                self.problem(key, f"there is no {what} {_quoted(name)}" + (f": {close}" if close else f"; there is {', '.join(names)}"))
            elif name in seen:
                self.problem(key, f"{name} stands here again, after line {seen[name]}")
            else:
                seen[name] = key.start_mark.line + 1
                yield key, name, value

    def names(self, node: yaml.Node, setting: str, of_what: str) -> tuple[str, ...] | None:
        """Returns a list of texts, of which one may stand alone; None where that is wrong. ``of_what`` says in words what they are."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        wrong = [item for item in nodes if not isinstance(item, yaml.ScalarNode) or item.tag == NULL or not item.value.strip("! ")]
        for item in wrong:
            self.problem(item, f"{setting} must be a list of {of_what}, not {shown(item)}")
        return None if wrong else tuple(str(item.value).strip() for item in nodes)

    def require_none(self) -> None:
        """Raises a MisconfiguredError with the first mistakes and the number of the rest, if there is any."""
        more = len(self.problems) - _MOST_PROBLEMS
        if self.problems:
            rest = [f"{self._name}: and {more} more mistakes"] if more > 0 else []
            raise MisconfiguredError([*self.problems[:_MOST_PROBLEMS], *rest])

    def problem(self, node: yaml.Node, what: str) -> None:
        """Notes a mistake at the line of ``node``."""
        self.problems.append(f"{self._name}:{node.start_mark.line + 1}: {what}")


def shown(node: yaml.Node) -> str:
    """A node in words, for the mistake that it is."""
    if isinstance(node, yaml.ScalarNode):
        return _quoted(str(node.value))
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"


def _quoted(text: str) -> str:
    """A text in quotation marks; a long one, such as that of a file of another kind, by its start and its length."""
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r} … ({len(text):,} characters)"
