"""Slack: an alert as a message of an incoming webhook, in blocks. Pure.

Sources: Slack API, "Sending messages using incoming webhooks"; "Formatting message text" (`&`, `<` and `>` are escaped); block kit
reference: text object (3,000 characters; `verbatim` makes no links of plain text), header (150), button (text 75, URL 3,000).
"""

from typing import Any, Final

import msgspec

from pipeline.alert.payload import AlertPayload
from pipeline.alert.protocol_bodies import facts_of

_LONGEST_HEADER: Final = 150
_LONGEST_TEXT: Final = 3000
_LONGEST_BUTTON: Final = 75
_SIGNS: Final = {"new": ":red_circle:", "regressed": ":red_circle:", "growing": ":red_circle:", "acknowledged": ":eyes:",
                 "resolved": ":white_check_mark:"}  # fmt: skip


def slack_message(payload: AlertPayload) -> bytes:
    """Returns the body of the request: a header, what happened, what to do next, and a button for each link."""
    title = payload.title or payload.id
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(title, _LONGEST_HEADER)}]
    blocks += [_section(f"*{heading}*  {escaped(words)}") for heading, words in facts_of(payload)]
    if payload.next_steps:
        blocks.append(_section("\n".join(f"`{escaped(step)}`" for step in payload.next_steps)))
    if payload.links:
        buttons = [{"type": "button", "text": _plain(link.name, _LONGEST_BUTTON), "url": link.url, "action_id": f"open-{number}"}
                   for number, link in enumerate(payload.links)]  # fmt: skip
        blocks.append({"type": "actions", "elements": buttons})
    # what a phone's notification shows
    summary = f"{_SIGNS[payload.state]} {escaped(title)}"
    return msgspec.json.encode({"text": summary, "blocks": blocks, "unfurl_links": False, "unfurl_media": False})


def escaped(text: str) -> str:
    """Returns ``text`` so that Slack interprets nothing in it as a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str, longest: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _cut(text, longest) or "-", "emoji": False}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text, _LONGEST_TEXT), "verbatim": True}}


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
