"""Original line: a log line as its program wrote it, but for what was redacted. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec


def original_line(document: Mapping[str, Any]) -> str:
    """Returns the line that a log document was made of, byte for byte; its beginning where `cut` names `body`.

    Documents of earlier versions hold no original: a JSON line is then the same JSON with other white space, a text line lacks the white
    space at its end.
    """
    if isinstance(original := document.get("log.record.original"), str):
        return original
    if (attributes := document.get("attributes")) is not None:
        return msgspec.json.encode(attributes).decode()
    return str(document.get("body") or "")
