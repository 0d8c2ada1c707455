"""Durable labels: says of a line of a durable execution which operation and attempt wrote it, and whether it is written again in a replay.

The SDKs' own loggers write nothing in a replay. What `print` and other loggers write outside operations comes again with each invocation.
Where the line names the span of its invocation, and that span is not of the first one, the record tells both apart: a line that an earlier
invocation wrote, too, is replayed. Of several equal ones as many are replayed as an earlier invocation wrote.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

_SHOWN_OF_ID: Final = 8
_MOST_INVOCATIONS: Final = 10_000
_MOST_LINES: Final = 100_000
_Written = Counter[tuple[str, int]]


class DurableLabels:
    """Labels the lines of any number of durable executions."""

    def __init__(self) -> None:
        self._invocations: dict[str, tuple[str, bool]] = {}
        self._written: _Written = Counter()
        self._before: dict[tuple[str, int], int] = {}

    def note(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Notes the spans of invocations among these documents; those of its lines come next: a line may seem older than its span."""
        for document in documents:
            durable = document.get("durable") or {}
            first = durable.get("firstInvocation")
            if first is not None and document["doc"]["kind"] == "span" and len(self._invocations) < _MOST_INVOCATIONS:
                self._invocations[document.get("spanId") or ""] = (durable.get("executionArn") or "", bool(first))

    def of(self, document: Mapping[str, Any]) -> str:
        """Returns the label of a stored line, such as ``charge, attempt 2``; empty for a span, and where there is nothing to say.

        Lines come in time order.
        """
        durable = document.get("durable") or {}
        if document["doc"]["kind"] == "span":
            return ""
        operation = durable.get("operationName") or str(durable.get("operationId") or "")[:_SHOWN_OF_ID]
        attempt = f"attempt {number}" if operation and (number := durable.get("attempt")) else ""
        replayed = "replayed" if durable.get("replayed") or self._is_replayed(document) else ""
        return ", ".join(filter(None, (operation, attempt, replayed)))

    def _is_replayed(self, document: Mapping[str, Any]) -> bool:
        """Whether an earlier invocation wrote the same line; counts the line."""
        span_id = document.get("spanId") or ""
        invocation = self._invocations.get(span_id)
        # what the SDK's own logger and the SDK write comes once
        if invocation is None or document.get("durable") or len(self._written) >= _MOST_LINES:
            return False
        execution, first = invocation
        text = hash(document.get("body") or "")
        self._written[span_id, text] += 1
        count, before = self._written[span_id, text], self._before.get((execution, text), 0)
        self._before[execution, text] = max(count, before)
        return count <= before and not first
