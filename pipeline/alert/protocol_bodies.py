"""Protocol bodies: an alert's message as each kind of subscriber of the topic reads it. Pure.

`default` is the whole text; `email` fits a phone; `https` is a custom notification, which Amazon Q Developer in chat applications
(formerly AWS Chatbot), whose subscription is one by HTTPS, shows in Slack, Microsoft Teams and Amazon Chime.
Sources: Amazon SNS API reference, "Publish" (`MessageStructure`: a key a protocol, `default` for all others); Amazon Q Developer in chat
applications administrator guide, "Custom notifications" (the event schema).
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from pipeline.alert.payload import AlertPayload

_STATES: Final = {"new": "", "regressed": " It came back.", "growing": " It grows.", "acknowledged": " Somebody knows of it.",
                  "resolved": " It is resolved."}  # fmt: skip
_TIME: Final = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$")
_LONGEST_TITLE: Final = 200
_LONGEST_DESCRIPTION: Final = 3000


def bodies_by_protocol(text: str, payload: AlertPayload) -> str:
    """Returns the JSON that SNS takes as a message of the structure `json`; ``text`` is the message for all other protocols."""
    bodies = {"default": text, "email": email_text(payload), "https": custom_notification(payload)}
    return msgspec.json.encode(bodies).decode()


def email_text(payload: AlertPayload) -> str:
    """Returns an alert as a mail that fits a phone: what happened, how often, since when, where, one example, what to do next."""
    told = [f"{heading}: {words}" for heading, words in facts_of(payload)]
    ways = [*payload.next_steps, *(f"{link.name}: {link.url}" for link in payload.links)]
    return "\n".join([*told, "", "What to do next:", *ways, "", "What stands in “ ” is quoted from logs, whose writers may lie."])


def facts_of(payload: AlertPayload) -> Iterator[tuple[str, str]]:
    """Yields what an alert tells in pairs of a heading and its words, in the order of reading; nothing of what is unknown."""
    answered = f" But {payload.answered}." if payload.answered else ""
    if payload.happened:
        yield "What happened", f"“{payload.happened}”{answered}{_STATES[payload.state]}"
    if payload.exception and payload.exception not in payload.happened:
        yield "Exception", f"“{payload.exception}”"
    yield from _decision_of(payload)
    if payload.trace_id or payload.count > 1:
        yield "How often", "1 trace" if payload.count == 1 else f"{payload.count:,} traces"
    if payload.first_seen:
        last = f", last {_shown(payload.last_seen)}" if payload.last_seen and payload.last_seen != payload.first_seen else ""
        yield "Since", f"{_shown(payload.first_seen)}{last}"
    if payload.service or payload.entry:
        yield "Where", " behind ".join(filter(None, (payload.service, payload.entry)))
    if payload.rules:
        yield "Rules", ", ".join(payload.rules)
    if payload.trace_id:
        transaction = f", transaction {payload.transaction_id}" if payload.transaction_id not in {"", payload.trace_id} else ""
        yield "Example", f"trace {payload.trace_id}{transaction}"
    if payload.line:
        yield "Line", " ".join(filter(None, (_shown(payload.line_at), payload.line_origin, f"“{payload.line}”")))


def _decision_of(payload: AlertPayload) -> Iterator[tuple[str, str]]:
    """By whom, when and why an issue was acknowledged or resolved; nothing where it was not."""
    if payload.decided_by:
        version = f", in version {payload.resolved_in}" if payload.resolved_in else ""
        yield payload.state.capitalize(), f"by {payload.decided_by}, {_shown(payload.decided_at)}{version}"
    if payload.note:
        yield "Note", f"“{payload.note}”"


def _shown(at: str) -> str:
    """A time as people write it: 2026-11-24 10:00:00 UTC; what is no time in UTC as it stands."""
    return _TIME.sub(r"\1 \2 UTC", at)


def custom_notification(payload: AlertPayload) -> str:
    """Returns the JSON of an alert that AWS's chat applications show; messages about one thing share a thread."""
    told = "\n".join(f"{heading}: {words}" for heading, words in facts_of(payload))
    content: dict[str, object] = {"textType": "client-markdown", "title": payload.title[:_LONGEST_TITLE] or payload.id,
                                  "description": told[:_LONGEST_DESCRIPTION] or payload.title}  # fmt: skip
    steps = [*payload.next_steps, *(f"{link.name}: {link.url}" for link in payload.links)]
    content |= {"nextSteps": steps} if steps else {}
    content |= {"keywords": keywords} if (keywords := [*filter(None, (payload.service, *payload.rules))]) else {}
    metadata = {"threadId": payload.id, "summary": payload.title[:_LONGEST_TITLE], "eventType": payload.state,
                "relatedResources": [*filter(None, (payload.trace_id,))]}  # fmt: skip
    return msgspec.json.encode({"version": "1.0", "source": "custom", "content": content, "metadata": metadata}).decode()
