"""Writers: how languages and libraries print a value with keys, so that a secret in it can be looked for in each form."""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

Writer = Callable[[Any], str]


def escaped(text: str, quote: str) -> str:
    """``text`` between quotes, as most languages write it."""
    inner = text.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\n")
    return f"{quote}{inner}{quote}"


def pretty(value: Any) -> str:
    """JSON over several lines."""
    return json.dumps(value, indent=1)


def node(value: Any) -> str:
    """What util.inspect makes of a value."""
    if isinstance(value, dict):
        entries = (f"{key if key.isidentifier() else escaped(key, chr(39))}: {node(entry)}" for key, entry in value.items())
        return f"{{ {', '.join(entries)} }}"
    if isinstance(value, list):
        return f"[ {', '.join(map(node, value))} ]"
    if isinstance(value, str):
        return escaped(value, next((mark for mark in "'\"`" if mark not in value), "'"))
    return json.dumps(value)


def ruby(value: Any) -> str:
    """What inspect makes of a value whose keys are symbols."""
    if isinstance(value, dict):
        entries = (f":{escaped(key, chr(34)) if '-' in key else key}=>{ruby(entry)}" for key, entry in value.items())
        return f"{{{', '.join(entries)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(ruby, value))}]"
    return escaped(value, '"') if isinstance(value, str) else "nil" if value is None else json.dumps(value)


def php(value: Any, indent: str = "") -> str:
    """What print_r makes of a value."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        entries = (f"{indent}    [{key}] => {php(entry, indent + '        ')}\n" for key, entry in value.items())
        return f"Array\n{indent}(\n{''.join(entries)}{indent})\n"
    return "" if value is None else str(value)


def java(value: Any) -> str:
    """What toString makes of a value."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}={java(entry)}' for key, entry in value.items())}}}"
    return f"[{', '.join(map(java, value))}]" if isinstance(value, list) else "null" if value is None else str(value)


def go(value: Any) -> str:
    """What %v makes of a value."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go(entry)}' for key, entry in value.items())}]"
    return f"[{' '.join(map(go, value))}]" if isinstance(value, list) else "<nil>" if value is None else str(value)


def rust(value: Any) -> str:
    """What {:?} makes of a value whose texts are optional."""
    if isinstance(value, dict):
        return f"Login {{ {', '.join(f'{_word(key)}: {rust(entry)}' for key, entry in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(rust, value))}]"
    return f"Some({escaped(value, chr(34))})" if isinstance(value, str) else "None" if value is None else json.dumps(value)


def yaml(value: Any, indent: str = "") -> str:
    """A YAML document with quoted texts."""
    if isinstance(value, dict):
        return "".join(f"\n{indent}{key}: {yaml(entry, indent + '  ')}" for key, entry in value.items())
    return "".join(f"\n{indent}- {yaml(entry, indent + '  ')}" for entry in value) if isinstance(value, list) else json.dumps(value)


def _word(key: str) -> str:
    return key.replace("-", "_")


QUOTING: Final[Mapping[str, Writer]] = MappingProxyType(
    {"json": json.dumps, "pretty": pretty, "python": repr, "node": node, "ruby": ruby, "rust": rust, "yaml": yaml}
)
"""Writers that quote and escape, so that a text may hold anything."""

PLAIN: Final[Mapping[str, Writer]] = MappingProxyType({"php": php, "java": java, "go": go})
"""Writers that don't quote: nothing tells where a text ends that holds marks of the language itself."""
