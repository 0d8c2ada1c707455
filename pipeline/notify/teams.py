"""Teams: an alert as an adaptive card for a workflow of Microsoft Teams. Pure.

Texts stand in `TextRun`s, which know no Markdown; a mention would need an entity that is never sent.
Sources: Microsoft Teams, "Create incoming webhooks with Workflows" (a message with attachments) and "Format cards in Teams"; Adaptive Cards
schema 1.4 and "Text features" (RichTextBlock supports no Markdown); the Teams connector's limit of about 28 KB a message.
"""

from typing import Any, Final

import msgspec

from pipeline.alert.payload import AlertPayload
from pipeline.alert.protocol_bodies import facts_of

LARGEST: Final = 28_000
"""Bytes of a message."""
_LONGEST_TITLE: Final = 200
_COLOURS: Final = {"new": "Attention", "regressed": "Attention", "growing": "Attention", "acknowledged": "Warning", "resolved": "Good"}


def teams_message(payload: AlertPayload) -> bytes:
    """Returns the body of the request: a title, what happened, what to do next, and a button for each link; 28,000 bytes at most."""
    title = {"type": "TextRun", "text": (payload.title or payload.id)[:_LONGEST_TITLE], "size": "Large", "weight": "Bolder",
             "color": _COLOURS[payload.state]}  # fmt: skip
    body = [_block(title)]
    body += [_block({"type": "TextRun", "text": f"{heading}  ", "weight": "Bolder"}, _run(words)) for heading, words in facts_of(payload)]
    body += [_block({"type": "TextRun", "text": step, "fontType": "Monospace"}) for step in payload.next_steps]
    actions = [{"type": "Action.OpenUrl", "title": link.name, "url": link.url} for link in payload.links]
    return _within_limit(body, actions)


def _within_limit(body: list[dict[str, Any]], actions: list[dict[str, Any]]) -> bytes:
    """The message with as much of the body, from its beginning, as there is room for."""
    while len(message := _message(body, actions)) > LARGEST and len(body) > 1:
        body = body[:-1]
    return message


def _message(body: list[dict[str, Any]], actions: list[dict[str, Any]]) -> bytes:
    card = {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
            "msteams": {"width": "Full"}, "body": body, "actions": actions}  # fmt: skip
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return msgspec.json.encode({"type": "message", "attachments": [attachment]})


def _run(text: str) -> dict[str, Any]:
    return {"type": "TextRun", "text": text}


def _block(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}
