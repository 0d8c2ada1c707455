"""PagerDuty: an alert as an event of Events API v2. Pure.

The alert's id is the `dedup_key`: what is told again updates the incident, and what is acknowledged or resolved does the same to it.
A message about several issues triggers one incident an issue, since each is acknowledged and resolved by its own id later.
Sources: PagerDuty API schema, events-v2 (required fields, severities, actions); PagerDuty, "Events API v2 overview" (a summary of 1,024
characters, a key of 255, an event of 512 KB).
"""

from typing import Any, Final

import msgspec

from pipeline.alert.payload import AlertPayload
from pipeline.alert.protocol_bodies import facts_of

_LONGEST_SUMMARY: Final = 1024
_ACTIONS: Final = {"new": "trigger", "regressed": "trigger", "growing": "trigger", "acknowledged": "acknowledge", "resolved": "resolve"}
_SEVERITIES: Final = {"alert": "error", "notice": "warning"}


def incidents_of(payload: AlertPayload) -> tuple[AlertPayload, ...]:
    """Returns what an alert triggers incidents of: each issue that it lists, and itself if it is about more than it lists."""
    each = [AlertPayload(id=issue.id, state=issue.state, severity=payload.severity, title=issue.title, service=issue.service,
                         count=issue.count, next_steps=("tracejoin issues",)) for issue in payload.issues]  # fmt: skip
    whole = msgspec.structs.replace(payload, issues=())
    return (*each, whole) if payload.more_issues or not each else tuple(each)


def pagerduty_event(payload: AlertPayload, routing_key: str) -> bytes:
    """Returns the body of the request; only an event that triggers tells what happened."""
    action = _ACTIONS[payload.state]
    event: dict[str, Any] = {"routing_key": routing_key, "event_action": action, "dedup_key": payload.id}
    if action == "trigger":
        links = [{"href": link.url, "text": link.name} for link in payload.links]
        details = dict(facts_of(payload)) | {"Next": "; ".join(payload.next_steps)}
        about = {"summary": (payload.title or payload.id)[:_LONGEST_SUMMARY], "source": payload.service or "tracejoin",
                 "severity": _SEVERITIES[payload.severity], "component": payload.service, "class": ", ".join(payload.rules),
                 "custom_details": details}  # fmt: skip
        if payload.last_seen:
            about["timestamp"] = payload.last_seen
        event |= {"payload": about, "client": "tracejoin", "links": links}
        if links:
            event["client_url"] = links[0]["href"]
    return msgspec.json.encode(event)
