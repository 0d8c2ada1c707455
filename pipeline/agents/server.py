"""Server: speaks the Model Context Protocol over stdin and stdout, with the official Python SDK (the extra `mcp`)."""

from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from typing import Any, Final

import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from pipeline.agents.answer import UNTRUSTED, answer_text, one_line
from pipeline.agents.tools import TOOLS, Stored, Tool, tool_named
from pipeline.errors import TracejoinError
from pipeline.redact.redactor import Redactor

_INSTRUCTIONS: Final = (
    "tracejoin has the CloudWatch logs and X-Ray traces of an AWS account, joined. Begin with `issues` or `search`; `trace` and `why`"
    f" tell of one id. It only reads. {UNTRUSTED}"
)


def serve_agents(stored: Stored, redactor: Redactor) -> None:
    """Answers calls of tools until stdin ends. Nothing but the protocol goes to stdout: what else is printed goes to stderr."""
    anyio.run(_serve, agent_server(stored, redactor))


def agent_server(stored: Stored, redactor: Redactor) -> Server[Any]:
    """The server with its tools; ``redactor`` takes secrets out of each answer."""
    # neither the connection to OpenSearch nor the redactor is for several threads
    one_at_a_time = anyio.CapacityLimiter(1)

    async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(tool) for tool in TOOLS])

    async def call_tool(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        call = partial(_answered, params.name, params.arguments or {}, stored, redactor)
        return await anyio.to_thread.run_sync(call, limiter=one_at_a_time)

    return Server("tracejoin", version=version("tracejoin"), instructions=_INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool)


def _described(tool: Tool) -> types.Tool:
    only_reads = types.ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
    description = f"{tool.description} {UNTRUSTED}"
    return types.Tool(name=tool.name, description=description, input_schema=tool.schema, annotations=only_reads)


def _answered(name: str, arguments: Mapping[str, Any], stored: Stored, redactor: Redactor) -> types.CallToolResult:
    """The answer to one call; what tracejoin itself raises becomes an error of the tool, and the server lives on."""
    try:
        tool = tool_named(name)
        text, failed = answer_text(tool.call(stored, arguments), redactor.text), False
    except TracejoinError as error:
        text, failed = one_line(str(error), redactor.text), True
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=failed)


async def _serve(server: Server[Any]) -> None:
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())
