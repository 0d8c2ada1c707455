import msgspec

from pipeline.store.results import Hit


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """Where a line belongs.

    Attributes:
        trace_id: empty where nothing is certain.
        request_id: the request that was open at the line's place, for a line that names none.
        id_source: how it got there.
        stale: the trace that it claims, wrongly.
        loose: what comes later may show that it does not belong there.
    """

    trace_id: str = ""
    request_id: str = ""
    id_source: str = "none"
    stale: str = ""
    loose: bool = False


class Reassignment(msgspec.Struct, frozen=True):
    """A line, and its new home."""

    hit: Hit
    home: Assignment
