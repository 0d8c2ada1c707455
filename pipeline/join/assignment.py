"""Assignment: which trace and request a log line belongs to, and a line that gets another one."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from pipeline.model.invocations import stream_of
from pipeline.model.log_groups import service_name_of
from pipeline.store.results import Hit


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """Which trace and request a log line belongs to.

    Attributes:
        trace_id: empty where the trace is uncertain.
        request_id: the line's own, or that of the invocation around its position in the log stream.
        id_source: the method: inline, request, stream or none.
        stale_trace_id: the trace that the line claims, where the platform names another.
        provisional: a later line may show that the assignment is wrong.
    """

    trace_id: str = ""
    request_id: str = ""
    id_source: str = "none"
    stale_trace_id: str = ""
    provisional: bool = False


class Reassignment(msgspec.Struct, frozen=True):
    """A stored log line, and the assignment that it gets."""

    hit: Hit
    assignment: Assignment


def stale_by_service(reassignments: Iterable[Reassignment]) -> Counter[str]:
    """Counts the reassigned lines with a stale trace id, by the service that their log stream is named after."""
    streams = (stream_of(new.hit.source) for new in reassignments if new.assignment.stale_trace_id)
    return Counter(service_name_of(stream.log_group, stream.log_stream) for stream in streams)
