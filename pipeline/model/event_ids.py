"""Event ids: the ids that CloudWatch Logs gives to log events, 56 decimal digits, and the time that they hold.

The time stands above the lowest 144 bits. AWS does not document it; the ids in each recorded subscription event hold it so.
"""

import re
from typing import Final

from pipeline.model.invocations import LAST_MILLI

_ID: Final = re.compile(r"\d{56}", re.ASCII)
_BELOW_TIME: Final = 144


def parse_event_id(text: str) -> str | None:
    """Returns ``text``, without outer white space, if it can be the id of a log event; else None."""
    text = text.strip()
    return text if _ID.fullmatch(text) and 0 < int(text) >> _BELOW_TIME <= LAST_MILLI else None


def time_of_event(event_id: str) -> int:
    """Returns the time of the event with this id (as `parse_event_id` returns it) in milliseconds since the epoch, UTC."""
    return int(event_id) >> _BELOW_TIME
