"""Topic message: reads what the alert topic says: an alert of ours, an alarm of CloudWatch, or any other text. Pure.

Sources: Amazon SNS developer guide, "Using AWS Lambda with Amazon SNS" (the event); Amazon CloudWatch user guide, "Alarm notifications" and
its sample of the JSON that an alarm publishes.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar

import msgspec

from pipeline.alert.payload import AlertPayload, made_neutral

T = TypeVar("T")
_LONGEST_REASON: Final = 300


class _Alarm(msgspec.Struct, frozen=True, rename="pascal"):
    """What CloudWatch publishes of an alarm."""

    alarm_name: str
    new_state_value: Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
    old_state_value: str | None = ""
    alarm_arn: str = ""
    alarm_description: str | None = ""
    new_state_reason: str = ""
    state_change_time: str = ""

    @property
    def is_young(self) -> bool:
        """Whether it was just made, and nothing ends. Ours treat missing data as good, so they lack data only then."""
        return (self.old_state_value, self.new_state_value) == ("INSUFFICIENT_DATA", "OK")


def read_topic_message(sns: Mapping[str, Any]) -> AlertPayload | None:
    """Returns what a message tells, with texts that are neutral, whoever wrote them; None of an alarm that was made and is not on.

    Args:
        sns: the `Sns` of a record in Lambda's event.
    """
    attribute = (sns.get("MessageAttributes") or {}).get("payload") or {}
    text, subject = str(sns.get("Message") or ""), str(sns.get("Subject") or "")
    if ours := _decoded(str(attribute.get("Value", "")), AlertPayload):
        return made_neutral(ours)
    if alarm := _decoded(text, _Alarm):
        return None if alarm.is_young else made_neutral(_alarm(alarm))
    return made_neutral(_text(text, subject, str(sns.get("MessageId", ""))))


def _alarm(alarm: _Alarm) -> AlertPayload:
    return AlertPayload(
        id=alarm.alarm_arn or alarm.alarm_name, state="resolved" if alarm.new_state_value == "OK" else "new",
        title=f"{alarm.new_state_value}: {alarm.alarm_name}", happened=alarm.alarm_description or alarm.new_state_reason[:_LONGEST_REASON],
        first_seen=alarm.state_change_time,
    )  # fmt: skip


def _text(text: str, subject: str, message_id: str) -> AlertPayload:
    return AlertPayload(id=message_id, severity="notice", title=subject or text, happened=text)


def _decoded(text: str, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(text.encode("utf-8", "replace"), type=kind)
    except (msgspec.MsgspecError, RecursionError):
        return None
