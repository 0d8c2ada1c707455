"""Metrics page: every metric that the functions count, out of their code, with the alarms on it."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from manual.markdown import code, codes, page, table
from manual.meanings import fitting, introduction
from manual.stack_template import ROOT, template
from pipeline.ship import Ledger

_NAMESPACE: Final = "tracejoin"
_SOURCES: Final = ROOT / "shipper_function"
# names that are counted by a loop over the fields of an object, by the object's name in the code
_OBJECTS: Final[Mapping[str, tuple[str, ...]]] = {"ledger": Ledger.__struct_fields__}


@dataclass(slots=True)
class _Metric:
    """A metric: its unit, its dimensions, and the modules that count it."""

    unit: str
    dimensions: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)


def metrics_page() -> str:
    """Makes the page of metrics. Raises ValueError where a metric has no meaning, a meaning no metric, or a name can't be read."""
    metrics: dict[str, _Metric] = {}
    for path in sorted(_SOURCES.glob("*.py")):
        for name, unit, dimensions in _counted(ast.parse(path.read_text()), path.name):
            metric = metrics.setdefault(name, _Metric(unit))
            metric.dimensions.add(dimensions)
            metric.modules.add(path.stem)
    watching = _alarms(template()["Resources"])
    rows = [[code(name), metrics[name].unit, "; ".join(sorted(metrics[name].dimensions)), codes(sorted(metrics[name].modules)),
             codes(watching.get(name, ())), meaning] for name, meaning in fitting("metrics", metrics).items()]  # fmt: skip
    head = ["metric", "unit", "dimensions", "module", "alarm", "meaning"]
    return page("Metrics", "shipper_function/, template.yaml and manual/meanings.yaml", introduction("metrics"), table(head, rows))


def _counted(tree: ast.Module, file: str) -> Iterator[tuple[str, str, str]]:
    """The metrics that a module counts: name, unit, dimensions."""
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "add_metric":
                unit = call.args[1]
                assert isinstance(unit, ast.Attribute), f"{file}:{call.lineno}: the unit is no MetricUnit"
                for name in _names(call.args[0], function, file):
                    yield name, unit.attr, "service"
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id == "NamedCounts":
            name, *dimensions = (str(ast.literal_eval(argument)) for argument in call.args)
            yield name, "Count", ", ".join(dimensions)


def _names(written: ast.expr, function: ast.FunctionDef, file: str) -> list[str]:
    """The names that the first argument of add_metric stands for: a text, or one made of the variable of a loop around it."""
    if isinstance(written, ast.Constant):
        return [str(written.value)]
    parts = written.values if isinstance(written, ast.JoinedStr) else [written]
    texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    (variable,) = (name.id for name in ast.walk(written) if isinstance(name, ast.Name))
    for loop in (node for node in ast.walk(function) if isinstance(node, ast.For)):
        if variable in {name.id for name in ast.walk(loop.target) if isinstance(name, ast.Name)}:
            return ["".join(str(value if text is None else text) for text in texts) for value in _looped(loop.iter, function)]
    raise ValueError(f"shipper_function/{file}:{written.lineno}: the name of a metric is no text and no variable of a loop")


def _looped(iterated: ast.expr, function: ast.FunctionDef) -> tuple[str, ...]:
    """What a loop goes over: the fields of an object, or the keys of a dictionary that is written out in the function."""
    (name,) = {node.id for node in ast.walk(iterated) if isinstance(node, ast.Name)}
    for assigned in (node for node in ast.walk(function) if isinstance(node, ast.Assign)):
        if isinstance(assigned.targets[0], ast.Name) and assigned.targets[0].id == name and isinstance(assigned.value, ast.Dict):
            return tuple(str(ast.literal_eval(key)) for key in assigned.value.keys if key)
    return _OBJECTS[name]


def _alarms(resources: Mapping[str, Any]) -> dict[str, list[str]]:
    """The alarms on each of our own metrics."""
    found: dict[str, list[str]] = {}
    for name, resource in resources.items():
        if resource["Type"] == "AWS::CloudWatch::Alarm" and resource["Properties"]["Namespace"] == _NAMESPACE:
            found.setdefault(resource["Properties"]["MetricName"], []).append(name)
    return found
