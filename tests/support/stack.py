"""What CloudFormation makes of the template with given parameters, as far as the template goes; it has no rules of SAM."""

import re
from functools import cache

from tests.support.template import load

_PSEUDO = {"AWS::AccountId": "123456789012", "AWS::Region": "eu-west-1", "AWS::Partition": "aws", "AWS::StackName": "tj", "AWS::URLSuffix": "amazonaws.com",
           "AWS::StackId": "stack"}  # fmt: skip
_NOTHING = object()
_template = cache(load)


class Stack:
    """The template with these parameters.

    Attributes:
        resources: each resource that is made, evaluated; Ref and GetAtt of one become ``<name>`` and ``<name.attribute>``.
        outputs: the outputs that are shown.
        broken: the assertions of rules that do not hold.
    """

    def __init__(self, **given):
        self._template = _template()
        parameters = self._template["Parameters"]
        assert set(given) <= set(parameters)
        for name, value in given.items():
            assert re.fullmatch(parameters[name].get("AllowedPattern", "(?s).*"), value), name
            assert value in map(str, parameters[name].get("AllowedValues", [value]))
        self._values = {name: str(given.get(name, about["Default"])) for name, about in parameters.items()}
        self.broken = [
            each["AssertDescription"]
            for rule in self._template["Rules"].values()
            if self._holds(rule["RuleCondition"])
            for each in rule["Assertions"]
            if not self._holds(each["Assert"])
        ]
        self.resources = {name: self._value(about) for name, about in self._template["Resources"].items() if self._made(about)}
        self.outputs = {name: self._value(about["Value"]) for name, about in self._template["Outputs"].items() if self._made(about)}

    def environment(self, function):
        """A function's variables."""
        shared = self._value(self._template["Globals"]["Function"]["Environment"]["Variables"])
        return shared | self.resources[function]["Properties"].get("Environment", {}).get("Variables", {})

    def allowed(self, role):
        """The statements of a role by their Sid."""
        policies = [*self.resources[role]["Properties"]["Policies"]]
        policies += [about["Properties"] for about in self.resources.values()
                     if about["Type"] == "AWS::IAM::Policy" and f"<{role}>" in about["Properties"]["Roles"]]  # fmt: skip
        return {each["Sid"]: each for policy in policies for each in policy["PolicyDocument"]["Statement"]}

    def _made(self, about):
        return "Condition" not in about or self._holds({"Condition": about["Condition"]})

    def _holds(self, condition):
        ((function, argument),) = condition.items()
        if function == "Condition":
            return self._holds(self._template["Conditions"][argument])
        if function == "Equals":
            left, right = map(self._value, argument)
            return str(left) == str(right)
        if function == "EachMemberEquals":
            return all(member == argument[1] for member in self._value(argument[0]))
        return {"Not": lambda parts: not parts[0], "And": all, "Or": any}[function]([self._holds(part) for part in argument])

    def _value(self, value):
        if isinstance(value, list):
            return [found for found in map(self._value, value) if found is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if hasattr(self, f"_{function.lower()}"):
                return getattr(self, f"_{function.lower()}")(argument)
        return {key: found for key, content in value.items() if (found := self._value(content)) is not _NOTHING}

    def _if(self, argument):
        return self._value(argument[1] if self._holds({"Condition": argument[0]}) else argument[2])

    def _ref(self, name):
        if name == "AWS::NoValue":
            return _NOTHING
        value = self._values.get(name, _PSEUDO.get(name, f"<{name}>"))
        listed = self._template["Parameters"].get(name, {}).get("Type") == "CommaDelimitedList"
        return value.split(",") if listed else value

    def _getatt(self, name):
        return f"<{name}>"

    def _join(self, argument):
        return argument[0].join(self._value(argument[1]))

    def _split(self, argument):
        return self._value(argument[1]).split(argument[0])

    def _select(self, argument):
        return self._value(argument[1])[int(argument[0])]

    def _sub(self, argument):
        text, names = argument if isinstance(argument, list) else (argument, {})
        return re.sub(
            r"\$\{([\w.:]+)\}", lambda match: str(self._value(names[match[1]]) if match[1] in names else self._ref(match[1])), text
        )
