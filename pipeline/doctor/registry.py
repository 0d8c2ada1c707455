"""Registry: all checks, in the order in which a person reads them."""

from typing import Final

from pipeline.doctor import formats, opensearch, queues, retention, stack, subscriptions, traces
from pipeline.doctor import log_loops as loops
from pipeline.doctor.check import Check

CHECKS: Final[tuple[Check, ...]] = (
    *stack.CHECKS,
    *opensearch.CHECKS,
    *traces.CHECKS,
    *subscriptions.CHECKS,
    *loops.CHECKS,
    *formats.CHECKS,
    *retention.CHECKS,
    *queues.CHECKS,
)
