"""The shape of the repository."""

import ast

import pipeline
from tests.support.paths import DOCS, ROOT

LARGEST = 350


def test_each_folder_is_a_docstring_that_says_what_goes_in_and_out():
    """No `__init__.py` of the library defines or re-exports anything, and each says In, Out, Touch and Order, in this order."""
    for path in (ROOT / "pipeline").rglob("__init__.py"):
        tree = ast.parse(path.read_text())
        assert len(tree.body) == 1, path
        words = [
            line.split(":")[0] for line in ast.get_docstring(tree).splitlines() if line.startswith(("In:", "Out:", "Touch:", "Order:"))
        ]
        assert words == ([] if path.parent.name == "pipeline" else ["In", "Out", "Touch", "Order"]), path


def test_the_docstring_of_the_library_names_each_room_and_program():
    """What `pipeline/__init__.py` lists is what stands in the folder."""
    listed = {line.split()[0] for line in pipeline.__doc__.splitlines() if line.startswith("    ") and line[4] != " "}
    there = {path.stem for path in (ROOT / "pipeline").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert listed == there - {"__init__", "__main__", "ship_spans"}


def test_modules_stay_small_and_only_settings_reads_the_environment():
    """No module outgrows a screen or three; the environment is read in one place, by the entries alone."""
    entries = {*(f"shipper_function/{name}.py" for name in ("environment", "setup", "subscribe")), "pipeline/cli/context.py"}
    for path in [*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "shipper_function").rglob("*.py")]:
        name = str(path.relative_to(ROOT))
        text = path.read_text()
        assert len(text.splitlines()) <= LARGEST, name
        if "local/" not in name and name not in entries:
            assert "os.environ" not in text, name


def test_the_fields_table_matches_the_templates():
    """docs/reference/fields.md and `mappings/` name the same fields with the same types."""
    import json

    found = {}
    for file in (ROOT / "mappings" / "components").glob("*.json"), (ROOT / "mappings" / "indices").glob("*.json"):
        for path in file:
            if path.stem not in {"dead-letters", "links", "holds", "sampled-out"}:
                found |= dict(leaves(json.loads(path.read_text())["template"].get("mappings", {}).get("properties", {})))
    table = (DOCS / "reference" / "fields.md").read_text()
    rows = [[cell.strip().strip("`") for cell in row.split("|")[1:3]] for row in table.splitlines() if row.startswith("| `")]
    assert dict(rows) == found


def leaves(properties, start=""):
    """Every field by its dotted name, with its type."""
    for name, content in properties.items():
        path = f"{start}{name}"
        if "type" in content and content["type"] != "nested":
            yield path, content["type"]
        else:
            yield from leaves(content["properties"], f"{path}.")


def test_importing_does_nothing():
    """No module of the library has a bare call at its top level: nothing is opened, set up or patched by importing it."""
    for path in (ROOT / "pipeline").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            assert not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)), f"{path.name}: {ast.unparse(node)}"
