"""Expanded template: prints a SAM template as plain CloudFormation, without a transform, for a StackSet or a pipeline of one's own.

The package is named by two parameters, CodeBucket and CodeKey: a zip of `.aws-sam/build/ShipFunction`, which every function runs from.
It runs in the environment of the SAM CLI, whose library is what CloudFormation itself transforms with (`make template`).
"""

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

_CODE: Final = {"Bucket": {"Ref": "CodeBucket"}, "Key": {"Ref": "CodeKey"}}
_PARAMETERS: Final = {
    "CodeBucket": {
        "Type": "String",
        "AllowedPattern": "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "Description": "The S3 bucket, in this region, with the package",
    },
    "CodeKey": {"Type": "String", "MinLength": 1, "Description": "The key of the package, a zip of .aws-sam/build/ShipFunction"},
}


class _NoPolicies:
    """The managed policies that SAM may look up by name; our functions have roles of their own."""

    def load(self) -> dict[str, str]:
        """None of them."""
        return {}


def with_code_of_bucket(template: dict[str, Any]) -> dict[str, Any]:
    """Returns a parsed SAM template whose functions take their code from a bucket, which two further parameters name."""
    resources = {
        name: _from_bucket(resource) if resource["Type"] == "AWS::Serverless::Function" else resource
        for name, resource in template["Resources"].items()
    }
    return template | {"Parameters": _PARAMETERS | template["Parameters"], "Resources": resources}


def expanded(template: dict[str, Any], transform: Callable[..., Any]) -> dict[str, Any]:
    """Returns a parsed SAM template as CloudFormation has it after the transform.

    Args:
        template: the SAM template.
        transform: that of the SAM translator.
    """
    # with the values of parameters the transform would write these in place of each reference
    plain: dict[str, Any] = transform(template, {}, _NoPolicies())
    return plain


def main() -> None:
    """Prints the template that the command line names."""
    # these are in the environment of the SAM CLI alone
    yaml, sam = import_module("yaml"), import_module("samtranslator.translator.transform")
    parse = import_module("samtranslator.yaml_helper").yaml_parse
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("template", type=Path)
    template = parse(parser.parse_args().template.read_text())
    # CloudFormation takes no aliases
    yaml.SafeDumper.ignore_aliases = lambda *_: True
    yaml.safe_dump(expanded(with_code_of_bucket(template), sam.transform), sys.stdout, sort_keys=False, width=140, allow_unicode=True)


def _from_bucket(function: dict[str, Any]) -> dict[str, Any]:
    """A function with its code in a bucket, and without how to build it."""
    kept = {key: value for key, value in function.items() if key != "Metadata"}
    metadata = {key: value for key, value in function.get("Metadata", {}).items() if not key.startswith("Build")}
    return kept | ({"Metadata": metadata} if metadata else {}) | {"Properties": function["Properties"] | {"CodeUri": _CODE}}


if __name__ == "__main__":
    main()
