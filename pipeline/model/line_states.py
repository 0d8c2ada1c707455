"""Line states: what the `trace` object of a line or span says that no verdict was written to."""

from typing import Final

PENDING: Final = {"state": "pending", "version": 0}
"""The `trace` object of a document that no verdict has reached yet."""
IN_RECORD: Final = "inRecord"
"""The state stands in the record of the line's trace; the line keeps what it was shipped with until something about it is notable."""
