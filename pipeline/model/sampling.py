"""Sampling: whether a trace was sampled, by what its requests say, and who says so."""

from typing import Literal

from pipeline.model.trace_state import TraceState

Sampling = Literal["sampled", "unsampled", "said to be unsampled", "unknown"]

# parts of the time after which X-Ray is not asked any more: 30 s and 2 minutes of 10. X-Ray promises no time; a trace is mostly there
# within seconds (AWS X-Ray developer guide, "Getting data from X-Ray"), but a segment is sent when its request is over, as a record says
_AFTER_A_RECORD = 20
_AFTER_A_CLAIM = 5


def sampling_of(state: TraceState) -> Sampling:
    """Says whether a trace was sampled. One request that was sampled settles it, whoever else says the contrary.

    Only Lambda's own records in every log group that speaks of the trace make it unsampled without a look-up: any program can print a
    tracing header with ``Sampled=0``, or a REPORT line.
    """
    requests = [request for request in state.requests.values() if not request.elsewhere]
    said = {request.is_sampled for request in requests}
    if True in said:
        return "sampled"
    if False not in said:
        return "unknown"
    speaking = {request.origin for request in requests}
    return "unsampled" if speaking == _recorded_as_unsampled(state) else "said to be unsampled"


def provable_at(state: TraceState, give_up_after_ms: int) -> int:
    """When one look-up in vain proves that a trace which is said to be unsampled is so: milliseconds since the epoch, UTC.

    Args:
        state: what is known of the trace.
        give_up_after_ms: how long after the last sign of life X-Ray is not asked any more.
    """
    return state.last_line_at + give_up_after_ms // (_AFTER_A_RECORD if _recorded_as_unsampled(state) else _AFTER_A_CLAIM)


def due_at(state: TraceState, give_up_after_ms: int) -> int:
    """When the first look-up of a trace that is said to be unsampled is due: milliseconds since the epoch, UTC.

    It is due when it proves something, but no later than ``give_up_after_ms`` after the first line: any program can write one line after
    another, or one of a time to come.
    """
    return min(provable_at(state, give_up_after_ms), state.first_line_at + give_up_after_ms)


def _recorded_as_unsampled(state: TraceState) -> set[str]:
    """The log groups that hold a platform's record of a request of this trace that was not sampled."""
    return {request.origin for request in state.requests.values()
            if request.platform and request.sampled is False and not request.elsewhere}  # fmt: skip
