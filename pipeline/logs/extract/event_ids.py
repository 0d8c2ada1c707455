"""Event ids: finds the id that EventBridge gave an event, in the answer of PutEvents and in an event that a target prints.

Sources: Amazon EventBridge API reference, "PutEvents" (FailedEntryCount, Entries, EventId); user guide, "Event structure" (`id` stands
before `detail-type`). In JSON, JSON within JSON, and the renderings of Python and Node.js.
"""

import re
from typing import Final

from pipeline.model.trace_ids import UUID

_MOST: Final = 100
_VALUE: Final = rf"[\\\"']{{0,4}}\s{{0,4}}[:=]\s{{0,4}}[\\\"']{{0,4}}({UUID})(?![\w-])"
_ENTRY: Final = re.compile(rf"EventId{_VALUE}")
_EVENT: Final = re.compile(rf"(?<![\w-])id{_VALUE}[\\\"']{{0,4}}\s{{0,4}},\s{{0,40}}[\\\"']{{0,4}}detail-type(?![\w-])")


def find_event_ids(text: str) -> tuple[str, ...]:
    """Returns the ids of EventBridge's events in ``text``, in order and without duplicates; at most 100."""
    found = [match[1] for match in _ENTRY.finditer(text)] if "FailedEntryCount" in text else []
    found += [match[1] for match in _EVENT.finditer(text)]
    return tuple(dict.fromkeys(found))[:_MOST]
