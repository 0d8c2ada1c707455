"""Webhook: an alert's payload as a signed request, which libraries in many languages can check.

Source: Standard Webhooks 1.0, "Signature scheme": HMAC-SHA256 over id, time stamp and body with points between, in base64 behind `v1,`.
"""

import hmac
from base64 import b64encode

import msgspec

from pipeline.alert.payload import AlertPayload
from pipeline.notify.channels import Webhook, signing_key
from pipeline.notify.https_post import Request


def signed_request(channel: Webhook, payload: AlertPayload, message_id: str, now: float) -> Request:
    """Returns the request that tells a webhook.

    Args:
        channel: who is told.
        payload: of what.
        message_id: the header `webhook-id`, by which a receiver knows what it had already.
        now: seconds since the epoch, for `webhook-timestamp`.
    """
    body, at = msgspec.json.encode(payload), str(int(now))
    signature = b64encode(hmac.digest(signing_key(channel.key), b".".join((message_id.encode(), at.encode(), body)), "sha256")).decode()
    return Request(channel.url, body, {"webhook-id": message_id, "webhook-timestamp": at, "webhook-signature": f"v1,{signature}"})
