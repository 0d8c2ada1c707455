"""Settings page: every environment variable, out of the docstring and the fields of `Settings`."""

import inspect
import re
from dataclasses import fields
from typing import Any

from manual.markdown import code, page, plain, table
from manual.meanings import introduction
from manual.stack_template import parameter_of_variable, template
from pipeline.settings import Settings

_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n     +.*)*)", re.MULTILINE)


def settings_page() -> str:
    """Makes the page of settings. Raises ValueError where a setting has no sentence in the docstring."""
    meanings = dict(_ATTRIBUTE.findall(inspect.getdoc(Settings) or ""))
    parameters = parameter_of_variable(template())
    rows = []
    for field in fields(Settings):
        variable = field.metadata["variable"]
        if not (meaning := _without(variable, meanings.get(field.name, ""))):
            raise ValueError(f"pipeline/settings.py: the docstring of Settings says nothing of {field.name}: add it there")
        rows.append([code(variable), code(_written(field.default)), code(parameters.get(variable, "")), plain(meaning)])
    head = ["variable", "default", "parameter", "what it is"]
    return page("Settings", "the docstring and the fields of pipeline/settings.py", introduction("settings"), table(head, rows))


def _written(value: Any) -> str:
    """A default as it would be set."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _without(variable: str, text: str) -> str:
    """The sentence without the name of the variable, with which it begins in the docstring."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(rf"^{variable}( or \w+)?[;,]? ?\.?", lambda found: f"or `{found[1][4:]}`, " if found[1] else "", text)
    return text[:1].upper() + text[1:] if text else ""
