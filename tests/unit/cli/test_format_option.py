"""The one form in which a command prints, whichever of its options name it."""

import click
import pytest
from click.testing import CliRunner

from pipeline.cli.context import CommandContext
from pipeline.cli.format_option import format_options, one_form
from pipeline.cli.main import cli
from pipeline.cli.options import pass_app


@click.command()
@format_options
@pass_app
def listing(app, *, form, columns):
    """Prints the form that it was given, and whether it is in JSON mode."""
    click.echo(f"{form} {app.json} {columns}")


@click.command()
@click.option("--dot", "as_dot", is_flag=True)
@one_form("dot")
@pass_app
def drawing(app, *, form):
    """The same for a command without --format."""
    click.echo(f"{form} {app.json}")


def told(command, *words):
    """Status and output of one of these commands."""
    result = CliRunner().invoke(command, words, obj=CommandContext())
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("words", "form"),
    [((), "None False"), (("--json",), "json True"), (("--nl",), "json True"), (("--format", "json"), "json True"),
     (("--format", "nl"), "json True"), (("--json", "--format", "json"), "json True"), (("--json", "--format", "nl"), "json True"),
     (("--format", "table"), "table False"), (("--csv",), "csv False"), (("--csv", "--format", "csv"), "csv False"), (("--raw",), "raw False")],
)  # fmt: skip
def test_options_that_agree_name_one_form(words, form):
    """JSON, whichever option asks for it, is JSON mode; no other form is."""
    assert told(listing, *words) == (0, f"{form} ()\n")


def test_a_command_may_have_flags_alone():
    """Without --format there is the same one form."""
    assert [told(drawing, *words) for words in ((), ("--dot",), ("--json",))] == [
        (0, "None False\n"),
        (0, "dot False\n"),
        (0, "json True\n"),
    ]


@pytest.mark.parametrize(
    ("command", "words", "named"),
    [("search", ("--json", "--format", "csv"), "--json and --format csv"), ("search", ("--json", "--csv"), "--json and --csv"),
     ("search", ("--nl", "--format", "{body}"), "--json and a template"), ("search", ("--csv", "--tsv"), "--csv and --tsv"),
     ("search", ("--raw", "--format", "nl"), "--raw and --format nl"), ("search", ("--json", "--format", "table"), "--json and --format table"),
     ("search", ("--json", "--raw", "--tsv"), "--json and --tsv and --raw"),
     ("tail", ("--json", "--format", "csv"), "--json and --format csv"), ("services", ("--json", "--format", "csv"), "--json and --format csv"),
     ("services", ("--json", "--format", "table"), "--json and --format table"), ("map", ("--json", "--dot"), "--json and --dot")],
)  # fmt: skip
def test_options_that_differ_are_wrong_usage_of_every_command(command, words, named):
    """One sentence for all of them, which names each option as it was given."""
    status, output = told(cli, command, *words)
    assert (status, output.splitlines()[-1]) == (2, f"Error: {named} contradict each other: give one of them")
