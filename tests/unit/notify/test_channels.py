"""The channels in a secret: what is wrong is said without a word of what is in it."""

import json

import pytest

from pipeline.errors import MisconfiguredError
from pipeline.notify.channels import PagerDuty, Slack, Teams, Webhook, read_channels

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:notify-a1B2c3"
KEY = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
URL = "https://hooks.example/HIDDEN"


def channels(value):
    """The channels in a secret with this value."""
    return read_channels(ARN, lambda arn, holds: value if isinstance(value, str | None) else json.dumps(value))


def test_each_kind_is_read_and_shows_nothing():
    """A name is its type where it has none; PagerDuty's address is known; `repr` has neither addresses nor keys."""
    found = channels([
        {"type": "slack", "name": "ops", "url": URL}, {"type": "teams", "url": URL}, {"type": "pagerduty", "routingKey": "0" * 32},
        {"type": "webhook", "url": URL, "key": KEY}])  # fmt: skip
    assert list(found) == ["ops", "teams", "pagerduty", "webhook"]
    assert [type(channel) for channel in found.values()] == [Slack, Teams, PagerDuty, Webhook]
    assert found["pagerduty"].url == "https://events.pagerduty.com/v2/enqueue"
    assert not any(secret in repr(found) for secret in ("HIDDEN", "whsec", "000"))


@pytest.mark.parametrize(("value", "words"), [
    (None, "must hold a JSON list"), ("HIDDEN", "must hold a JSON list"), ({"url": "HIDDEN"}, "must hold a JSON list"),
    ([{"type": "HIDDEN"}], r"wrong at \$\[0\]"), ([{"type": "slack", "url": 1}], r"wrong at \$\[0\].url"), ([], "holds 0 channels"),
    ([{"type": "slack", "url": URL, "HIDDEN": 1}], r"wrong at \$\[0\]"),
    ([{"type": "slack", "url": "http://hooks.example/HIDDEN"}], r"channel 1 \(slack\) .* must be one with https"),
    ([{"type": "teams", "url": "https://u:HIDDEN@hooks.example"}], "must be one with https"),
    ([{"type": "teams", "url": "https://hooks.example/HIDDEN\r\nX: y"}], "must be one with https"),
    ([{"type": "teams", "url": "https://hooks.example:HIDDEN/"}], "must be one with https"),
    ([{"type": "teams", "url": "https:///HIDDEN"}], "must be one with https"),
    ([{"type": "teams", "url": "https://hooks..HIDDEN.example/"}], "must be one with https"),
    ([{"type": "teams", "url": f"https://HIDDEN{'a' * 60}.example/"}], "must be one with https"),
    ([{"type": "pagerduty", "routingKey": "HIDDEN"}], "32 characters"),
    ([{"type": "webhook", "url": URL, "key": "HIDDEN"}], "whsec_ and base64"), ([{"type": "webhook", "url": URL, "key": "whsec_HIDDENss"}], "24 to 64"),
    ([{"type": "slack", "url": URL, "name": "HIDDEN !"}], "its name must be"),
    ([{"type": "slack", "url": URL}, {"type": "slack", "url": URL}], "same name"),
    ([{"type": "slack", "name": f"n{number}", "url": URL} for number in range(21)], "holds 21 channels")])  # fmt: skip
def test_what_is_wrong_is_named_and_not_shown(value, words):
    """By the secret's ARN and the channel's number."""
    with pytest.raises(MisconfiguredError, match=words) as caught:
        channels(value)
    assert ARN in str(caught.value)
    assert "HIDDEN" not in str(caught.value)
