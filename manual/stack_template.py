"""Stack template: `template.yaml` as plain values."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short functions: `!Ref X` is read as `{"Ref": "X"}`."""


def _function(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    raise yaml.constructor.ConstructorError(None, None, f"!{name} takes a text or a list", node.start_mark)


_Loader.add_multi_constructor("!", _function)


@lru_cache(maxsize=1)
def template() -> dict[str, Any]:
    """Gives the template of the stack."""
    # the loader is a safe one
    content: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _Loader)  # noqa: S506
    return content


def parameter_of_variable(stack: Mapping[str, Any]) -> dict[str, str]:
    """Gives the parameter of the stack that sets each environment variable, where it is handed on as it is."""
    environments = [stack["Globals"]["Function"], *(resource.get("Properties", {}) for resource in stack["Resources"].values())]
    found = {}
    for each in environments:
        for name, value in each.get("Environment", {}).get("Variables", {}).items():
            if isinstance(value, dict) and value.get("Ref") in stack["Parameters"]:
                found[name] = str(value["Ref"])
    return found
