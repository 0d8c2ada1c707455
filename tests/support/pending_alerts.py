"""Alerts that are pending, for tests."""

from pipeline.alert.grouping import PendingAlert


def pending(count, group="orders", first=0):
    """Traces that somebody is to be told of."""
    return [
        PendingAlert(at=f"2026-11-24T10:00:{number % 60:02d}.000Z", trace_id=f"{first + number:032x}", group=group, rules=("timeout",))
        for number in range(count)
    ]
