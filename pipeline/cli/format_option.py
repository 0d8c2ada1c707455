"""Format option: the options that say in which form a command prints, --json among them, and the one form that they name together."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from pipeline.cli.csv_output import DEFAULT_COLUMNS, TEXT
from pipeline.cli.known_fields import require_field
from pipeline.cli.line_template import LineTemplate, is_template, parse_template
from pipeline.errors import BadInputError

FORMS: Final = ("table", "json", "nl", "csv", "tsv", "raw")
_SHORT: Final = ("csv", "tsv", "raw")
_EXAMPLE: Final = "'{timestamp} {service} {body}'"


class _Form(click.ParamType[Any]):
    """The type of --format: one of FORMS, or a template."""

    name = "format"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The form's name or the LineTemplate. Fails as wrong usage where ``value`` is neither."""
        if not isinstance(value, str) or value in FORMS:
            return value
        if not is_template(value):
            return self.fail(f"{value[:60]!r} is neither one of {', '.join(FORMS)} nor a template such as {_EXAMPLE}", param, ctx)
        try:
            return parse_template(value, require_field)
        except BadInputError as error:
            return self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """The forms that begin with ``incomplete``."""
        return [CompletionItem(form) for form in FORMS if form.startswith(incomplete)]


class _Columns(click.ParamType[tuple[str, ...]]):
    """The type of --columns: names of fields with commas between."""

    name = "columns"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names. Fails as wrong usage where one is empty, or is no field's."""
        if isinstance(value, tuple):
            return value
        names = tuple(name.strip() for name in value.split(","))
        if not all(names):
            self.fail(f"{value!r} has an empty name: expected names such as @timestamp,trace.state", param, ctx)
        try:
            for name in names:
                require_field(name)
        except BadInputError as error:
            self.fail(str(error), param, ctx)
        return names


def one_form(*short: str) -> Callable[..., Any]:
    """Gives a command with --json the argument ``form``: the one form that --json, --format and the flags ``short`` name together.

    It is None where none is given, and for the usual form. Several that differ are wrong usage. The command is in JSON mode where it is
    `json`, whichever option says so.
    """

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*given: Any, as_json: bool, form: Any = None, **arguments: Any) -> Any:
            chosen: dict[str, Any] = {"--json": "json"} if as_json else {}
            chosen |= {f"--{name}": name for name in short if arguments.pop(f"as_{name}")}
            if form is not None:
                chosen["a template" if isinstance(form, LineTemplate) else f"--format {form}"] = "json" if form == "nl" else form
            if len({*chosen.values()}) > 1:
                raise click.UsageError(f"{' and '.join(chosen)} contradict each other: give one of them")
            form = next(iter(chosen.values()), None)
            return command(*given, as_json=form == "json", form=form, **arguments)

        return update_wrapper(wrapped, command)

    return decorated


def format_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives ``command`` the options --format, --csv, --tsv, --raw and --columns, and the arguments ``form`` and ``columns``.

    ``form`` is that of `one_form`: one of FORMS, but `json` for `nl`, or a LineTemplate. ``columns`` is a tuple of names, empty where none
    is given.
    """
    options = [
        click.option("--format", "form", type=_Form(), metavar="FORM|TEMPLATE",
                     help=f"{', '.join(FORMS)}, or a template with fields in braces: {_EXAMPLE}; table without it."),
        *(click.option(f"--{name}", f"as_{name}", is_flag=True, help=f"The same as --format {name}.") for name in _SHORT),
        click.option("--columns", type=_Columns(), default=(), metavar="A,B.C",
                     help=f"CSV's and TSV's columns; else {','.join(DEFAULT_COLUMNS)}, where {TEXT} is a line's message or a span's name."),
    ]  # fmt: skip
    wrapped: Callable[..., Any] = one_form(*_SHORT)(command)
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped
