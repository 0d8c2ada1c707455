"""`tracejoin mcp`: answers an agent's questions over the Model Context Protocol."""

import sys
from contextlib import suppress
from importlib.util import find_spec

import click

from pipeline.cli.context import CommandContext
from pipeline.cli.options import pass_app
from pipeline.cli.terminal import unsafe_stdout
from pipeline.configure import redactor_for, rules_for
from pipeline.errors import MisconfiguredError, UnavailableError


@click.command()
@pass_app
def mcp(app: CommandContext) -> int:
    """Answers an agent over the Model Context Protocol, on stdin and stdout, until stdin ends: it only reads (docs/agents.md).

    An agent starts it, such as with {"command": "tracejoin", "args": ["mcp"]} in its settings.
    """
    if find_spec("mcp") is None:
        raise MisconfiguredError(["the MCP SDK is not installed: pip install 'tracejoin[mcp]'"])
    if sys.stdin.isatty():
        raise click.UsageError("an agent starts this and speaks a protocol with it, so it is of no use in a terminal: see docs/agents.md")
    # imported here: without the extra it can't be imported
    from pipeline.agents.server import serve_agents  # noqa: PLC0415
    from pipeline.agents.tools import Stored  # noqa: PLC0415

    settings, store = app.settings, app.store()
    with suppress(UnavailableError):
        # each answer tells of an OpenSearch that is away
        store.require_templates()
    stored = Stored(store=store, rules=rules_for(settings), delays=settings.lookup_delays, api_gateway=settings.api_gateway_log_groups)
    with unsafe_stdout():
        serve_agents(stored, redactor_for(settings))
    return 0
