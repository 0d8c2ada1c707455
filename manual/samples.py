"""Samples: every `tracejoin …` command line and every block of JSON or YAML in Markdown, tried against the real command and parsers."""

import contextlib
import io
import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import click
import yaml

from pipeline.cli.main import cli

_FENCE: Final = re.compile(r"^ *(```+|~~~+) *(\w*)")
_SPAN: Final = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_COMMAND: Final = re.compile(r"^\s*(?:\$ )?(tracejoin [^\s|].*)$")
# what ends a command line in a shell
_ENDS: Final = {"|", "||", "&&", ";", ">", ">>", "2>", "&", "<"}
_STANDS_FOR_SOMETHING: Final = re.compile(r"\w\|\w|^[A-Z][A-Z-]*…?$|…|^<.*>$|^[A-Z-]+=")


@dataclass(frozen=True, slots=True)
class Sample:
    """A piece of a page that can be tried.

    Attributes:
        line: the number of its first line, from 1 on.
        language: `tracejoin` for a command line, `mention` for one within a sentence, which may leave out arguments; else json or yaml.
        text: what stands there.
    """

    line: int
    language: str
    text: str


def samples(markdown: str) -> Iterator[Sample]:
    """Finds the samples of a page: in fenced and indented blocks, and command lines between backticks."""
    fence, language, begun, block = "", "", 0, list[str]()
    blank = True
    for number, line in enumerate(markdown.splitlines(), 1):
        if found := _FENCE.match(line):
            if not fence:
                fence, language, begun, block = found[1], found[2], number + 1, []
            elif found[1].startswith(fence):
                if language in {"json", "yaml"}:
                    yield Sample(begun, language, "\n".join(block))
                fence = ""
        elif fence:
            block.append(line)
            yield from _command(number, line)
        elif line.startswith("    ") and (found := _COMMAND.match(line)):
            yield from _command(number, line)
        elif not line.startswith("    ") or not blank:
            yield from (Sample(number, "mention", span.strip()) for _, span in _SPAN.findall(line) if span.startswith("tracejoin "))
        blank = not line.strip() or (blank and line.startswith("    "))


def _command(number: int, line: str) -> Iterator[Sample]:
    if found := _COMMAND.match(line):
        yield Sample(number, "tracejoin", found[1])


def problem(sample: Sample) -> str:
    """Says what is wrong with a sample; empty where nothing is."""
    try:
        if sample.language == "json":
            json.loads(sample.text)
        elif sample.language == "yaml":
            yaml.safe_load(sample.text)
        else:
            _parse(sample.text, whole=sample.language == "tracejoin")
    except click.UsageError as error:
        return f"{sample.text}: {error.format_message()}"
    except (ValueError, yaml.YAMLError) as error:
        return f"{sample.language}: {' '.join(str(error).split())}"
    return ""


def _words(text: str) -> list[str]:
    """The words of a command line: without its comment, without the brackets around what may be left out, up to a pipe."""
    # `\|` is a bar in a table; [--since 2d] may be left out, so it has to fit; a pattern in quotes keeps its brackets
    opened = re.sub(r"(?<=\s)\[|\](?=\s|$)", "", text.replace("\\|", "|").replace("[OPTIONS]", "").partition(" COMMAND")[0])
    words = shlex.split(opened, comments=True)
    end = next((number for number, word in enumerate(words) if word in _ENDS), len(words))
    return words[1:end]


def _parse(text: str, *, whole: bool) -> None:
    """Parses a command line as click does, without running it. Raises UsageError; ValueError where the quotes are not closed."""
    words = _words(text)
    context = click.Context(cli, info_name="tracejoin", **cli.context_settings)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(click.exceptions.Exit):
        _descend(cli, context, words, whole=whole)


def _descend(command: click.Command, context: click.Context, words: Sequence[str], *, whole: bool) -> None:
    try:
        rest = _parsed(command, context, list(words))
    except click.MissingParameter:
        # within a sentence `tracejoin trace` is the name of the command
        if whole:
            raise
        return
    except click.BadParameter as error:
        # ID or 3f0c… stand for a value, and a file need not be here
        of_file = error.param is not None and isinstance(error.param.type, click.Path | click.File)
        if not of_file and not any(_STANDS_FOR_SOMETHING.search(word) for word in words):
            raise
        return
    except click.exceptions.NoArgsIsHelpError:
        return
    if isinstance(command, click.Group) and rest:
        name, below, rest = command.resolve_command(context, rest)
        if below:
            _descend(below, click.Context(below, info_name=name, parent=context), rest, whole=whole)


def _parsed(command: click.Command, context: click.Context, words: list[str]) -> list[str]:
    """What is left for a subcommand after the arguments and options of ``command``."""
    left = command.parse_args(context, words)
    if not isinstance(command, click.Group):
        return left
    # click 8 keeps the name of the subcommand apart
    return [*getattr(context, "_protected_args", ()), *left]
