"""Configuration edit: sets and unsets keys in the text of a configuration file; comments and order stay as they are. Pure.

tomlkit keeps them: MIT, pure Python, of the makers of Poetry; tomllib only reads.
"""

from typing import Any

import tomlkit
from tomlkit.items import Table

from pipeline.cli.config_file import CONTEXTS
from pipeline.errors import BadInputError


def with_value(text: str, key: str, value: str | bool | int | list[str], context: str = "") -> str:
    """Returns the text of a file with ``key`` set to ``value``, at its top or in a context, which is made where it is missing.

    ``text`` must be what `parse_config` takes.
    """
    document = tomlkit.parse(text)
    _table(document, context)[key] = value
    return tomlkit.dumps(document)


def without_value(text: str, key: str, context: str = "") -> str:
    """Returns the text of a file without ``key``. Raises BadInputError where it is not set there; ``text`` must be TOML."""
    document = tomlkit.parse(text)
    contexts: Any = document.get(CONTEXTS)
    table: Any = (contexts.get(context) if isinstance(contexts, dict) else None) if context else document
    if not isinstance(table, dict) or key not in table:
        raise BadInputError(f"{key} is not set{f' in the context {context}' if context else ''}")
    del table[key]
    return tomlkit.dumps(document)


def _table(document: tomlkit.TOMLDocument, context: str) -> Any:
    if not context:
        return document
    if CONTEXTS not in document:
        # without a line of its own: [contexts.NAME] says it
        document[CONTEXTS] = tomlkit.table(is_super_table=True)
    contexts: Any = document[CONTEXTS]
    if context not in contexts:
        made: Table = tomlkit.table()
        contexts[context] = made
    return contexts[context]
