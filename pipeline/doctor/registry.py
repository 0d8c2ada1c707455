"""Registry: all checks, in the order in which they are printed."""

from typing import Final

from pipeline.doctor import formats, log_loops, opensearch, queues, retention, stack, subscriptions, traces
from pipeline.doctor.check import Check

CHECKS: Final[tuple[Check, ...]] = (
    *stack.CHECKS,
    *opensearch.CHECKS,
    *traces.CHECKS,
    *subscriptions.CHECKS,
    *log_loops.CHECKS,
    *formats.CHECKS,
    *retention.CHECKS,
    *queues.CHECKS,
)
