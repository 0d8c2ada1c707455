"""Durable marks: the prefilter's expressions for lines that may tell of a durable execution of Lambda.

They have a module of their own, since most batches hold no such line, and a cold start should not import what reads those.
"""

from typing import Final

DURABLE: Final = "durable executions"
DURABLE_EXPRESSIONS: Final = (
    r'"(?:durableExecutionArn|executionArn)"\s*:',
    "failed step for id: ", "serdes failed for step id: ", "wait_for_condition failed for id: ",
    "Execution failed", "Must fail execution", "exception ignored", "failure ignored", "plugin ignored",
)  # fmt: skip
"""Hyperscan expressions: every line that may tell of a durable execution."""
