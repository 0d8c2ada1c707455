"""Delivery: tells one channel of one message, and tries again for a while."""

import random
import time
from collections.abc import Callable
from typing import Final

from pipeline.alert.payload import AlertPayload
from pipeline.notify.channels import Channel, PagerDuty, Slack, Teams
from pipeline.notify.https_post import CONNECT_SECONDS, READ_SECONDS, Network, NotNowError, Request, post
from pipeline.notify.pagerduty import incidents_of, pagerduty_event
from pipeline.notify.slack import slack_message
from pipeline.notify.teams import teams_message
from pipeline.notify.webhook import signed_request

_ATTEMPTS: Final = 4
_FIRST_WAIT: Final = 0.5


def parts_for(channel: Channel, payload: AlertPayload) -> tuple[AlertPayload, ...]:
    """Returns what is delivered to ``channel`` of an alert, each part by a request of its own: PagerDuty hears of each issue alone."""
    return incidents_of(payload) if isinstance(channel, PagerDuty) else (payload,)


def request_for(channel: Channel, payload: AlertPayload, message_id: str, now: float) -> Request:
    """Makes the request that tells ``channel`` of an alert.

    Args:
        channel: who is told.
        payload: of what; its texts are neutral.
        message_id: of the message of SNS, the same however often it is sent.
        now: seconds since the epoch.
    """
    match channel:
        case Slack():
            return Request(channel.url, slack_message(payload))
        case Teams():
            return Request(channel.url, teams_message(payload))
        case PagerDuty():
            return Request(channel.url, pagerduty_event(payload, channel.routing_key))
        case _:
            return signed_request(channel, payload, message_id, now)


def deliver(channel: Channel, payload: AlertPayload, message_id: str, network: Network, *, remaining: Callable[[], float],
            pause: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.time) -> None:  # fmt: skip
    """Tells a channel: four attempts at most, with waits that double and vary, or as long as `Retry-After` says.

    Args:
        channel: who is told.
        payload: of what.
        message_id: of the message of SNS.
        network: what requests go through.
        remaining: returns the seconds that are left for all attempts; none begins that might outlast them.
        pause: waits a number of seconds.
        clock: returns seconds since the epoch, for the signature of a webhook.

    Raises NotNowError if all attempts failed, or there is no time for the next one, BadInputError if the channel refuses for good.
    """
    for attempt in range(_ATTEMPTS - 1):
        try:
            return post(request_for(channel, payload, message_id, clock()), network)
        except NotNowError as error:
            wait = max(error.after, _FIRST_WAIT * 2**attempt * random.uniform(0.5, 1.0))
            if wait + CONNECT_SECONDS + READ_SECONDS > remaining():
                raise
            pause(wait)
    return post(request_for(channel, payload, message_id, clock()), network)
