"""Stack pages: the parameters, outputs and alarms of the stack, out of `template.yaml`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from manual.markdown import code, codes, page, plain, table
from manual.meanings import introduction
from manual.stack_template import template

_COMPARED: Final[Mapping[str, str]] = {
    "GreaterThanOrEqualToThreshold": "≥", "GreaterThanThreshold": ">", "LessThanThreshold": "<", "LessThanOrEqualToThreshold": "≤",
}  # fmt: skip


def parameters_page() -> str:
    """Makes the page of parameters and outputs. Raises ValueError where a parameter stands in no group."""
    stack = template()
    groups = stack["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    left = set(stack["Parameters"]) - {name for group in groups for name in group["Parameters"]}
    if left:
        raise ValueError(f"template.yaml: no group of ParameterGroups has {', '.join(sorted(left))}")
    return page(
        "Parameters", "template.yaml",
        introduction("parameters"),
        *(part for group in groups for part in (f"## {group['Label']['default']}", _parameters(stack["Parameters"], group["Parameters"]))),
        "## Outputs",
        table(["output", "what it is"], ([code(name), plain(output["Description"])] for name, output in stack["Outputs"].items())),
    )  # fmt: skip


def _parameters(parameters: Mapping[str, Any], names: list[str]) -> str:
    rows = ([code(name), code(str(parameters[name]["Default"])), _allowed(parameters[name]), plain(parameters[name]["Description"])]
            for name in names)  # fmt: skip
    return table(["parameter", "default", "takes", "what it is"], rows)


def _allowed(parameter: Mapping[str, Any]) -> str:
    """What a parameter takes, beside a text."""
    if "AllowedValues" in parameter:
        return codes(str(value) or '""' for value in parameter["AllowedValues"])
    if "MinValue" in parameter:
        return f"a number from {parameter['MinValue']} on"
    return {"Number": "a number", "CommaDelimitedList": "a list, commas between"}.get(parameter["Type"], "")


def alarms_page() -> str:
    """Makes the page of alarms."""
    return page(
        "Alarms", "template.yaml",
        introduction("alarms"),
        table(["alarm", "metric", "of", "goes off at", "what it says"], _alarms(template()["Resources"])),
    )  # fmt: skip


def _alarms(resources: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, resource in resources.items():
        if resource["Type"] != "AWS::CloudWatch::Alarm":
            continue
        alarm = resource["Properties"]
        condition = f", only if `{resource['Condition']}`" if "Condition" in resource else ""
        yield [
            code(name),
            f"{alarm['Namespace']} {code(alarm['MetricName'])}",
            ", ".join(_watched(dimension["Value"]) for dimension in alarm["Dimensions"]),
            f"{alarm['Statistic']} {_COMPARED[alarm['ComparisonOperator']]} {alarm['Threshold']} in {_periods(alarm)}{condition}",
            plain(alarm["AlarmDescription"]),
        ]


def _periods(alarm: Mapping[str, Any]) -> str:
    """How long the condition holds before an alarm goes off."""
    minutes, number = alarm["Period"] // 60, alarm["EvaluationPeriods"]
    period = f"{minutes} minute{'' if minutes == 1 else 's'}"
    return period if number == 1 else f"each of {number} times {period}"


def _watched(value: Any) -> str:
    """The resource that an alarm watches: `!Ref X` or `!GetAtt X.Name`."""
    return code(str(value.get("Ref") or value["GetAtt"].partition(".")[0])) if isinstance(value, dict) else plain(str(value))
