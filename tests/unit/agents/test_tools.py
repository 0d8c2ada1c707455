"""The tools as an agent sees them: names, schemas, and arguments that are none."""

import pytest

from pipeline.agents.tools import TOOLS, tool_named
from pipeline.errors import BadInputError


def test_each_schema_is_one_object_with_described_properties():
    """Every argument has a type and words; nothing refers to elsewhere, which not every client follows."""
    for tool in TOOLS:
        schema = tool.schema
        assert (schema["type"], schema["additionalProperties"]) == ("object", False)
        assert "$ref" not in str(schema)
        assert all(about["description"] and about["type"] in {"string", "integer"} for about in schema["properties"].values()), tool.name
        assert len(tool.description) > 40


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("search", {"limit": 0}, "limit"),
        ("search", {"limit": 201}, "limit"),
        ("search", {"limit": "many"}, "limit"),
        ("search", {"question": 5}, "question"),
        ("search", {"question": "x" * 4001}, "question"),
        ("search", {"query": "x"}, "query"),
        ("trace", {}, "id"),
        ("why", {"id": ""}, "id"),
        ("issues", {"since": "x" * 101}, "since"),
    ],
)
def test_wrong_arguments_are_named_before_anything_is_asked(name, arguments, words):
    """One line names the argument; there is no OpenSearch here that could be asked."""
    with pytest.raises(BadInputError, match=f"wrong arguments: .*{words}") as error:
        tool_named(name).call(None, arguments)
    assert "\n" not in str(error.value)


def test_an_unknown_tool_is_told_the_known_ones():
    """The error names them all."""
    with pytest.raises(BadInputError, match="there is no tool delete: there are search, trace, why, issues, map, invocations"):
        tool_named("delete")
