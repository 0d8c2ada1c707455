"""The Terraform module: it can be read, refers to what there is, and gives the stack every parameter that has no default of its own."""

import re

import hcl2
import pytest

from supply_chain.expanded_template import with_code_of_bucket
from tests.support.paths import ROOT
from tests.support.template import load

MODULE = ROOT / "deploy" / "terraform"
TEXTS = {path.name: path.read_text() for path in sorted(MODULE.glob("*.tf"))}
FILES = {name: hcl2.loads(text) for name, text in TEXTS.items()}


def named(kind):
    """The names of the module's blocks of a kind: the last label of each."""
    return {label.strip('"') for blocks in FILES.values() for block in blocks.get(kind, ()) for label in _last_labels(block)}


def _last_labels(block):
    for label, content in block.items():
        if label.startswith('"'):
            deeper = isinstance(content, dict) and [key for key in content if key.startswith('"')]
            yield from _last_labels(content) if deeper else [label]


@pytest.mark.parametrize(("reference", "kind"), [(r"var\.(\w+)", "variable"), (r"data\.aws_s3_bucket\.(\w+)", "data"),
                                                 (r"(?<!data\.)\baws_(?:s3_object|cloudformation_stack)\.(\w+)", "resource")])  # fmt: skip
def test_every_reference_has_its_block(reference, kind):
    """And each variable is used."""
    used = {name for text in TEXTS.values() for name in re.findall(reference, text)}
    assert used == named(kind)


def test_locals_are_defined_and_used():
    """No name of the module's own is missing."""
    (own,) = FILES["main.tf"]["locals"]
    assert {name for name in own if not name.startswith("__")} == set(re.findall(r"local\.(\w+)", TEXTS["main.tf"]))


def test_the_stack_gets_what_it_needs():
    """The parameters without a default that are not the user's own choice come from the module; they exist in the template."""
    given = set(re.findall(r"^\s{4}(\w+)\s+= ", TEXTS["main.tf"].partition("merge(var.parameters, {")[2], re.MULTILINE))
    parameters = with_code_of_bucket(load())["Parameters"]
    assert given == {"Architecture", "CodeBucket", "CodeKey"}
    assert given <= set(parameters)
    assert {name for name, about in parameters.items() if "Default" not in about} - given == set()
