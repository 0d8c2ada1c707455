"""Channels: where messages go, read from a secret. No error and no `repr` holds an address or a key."""

import re
from base64 import b64decode
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from pipeline.errors import MisconfiguredError
from pipeline.read_secret import read_secret

_NAME: Final = re.compile(r"[\w-]{1,40}", re.ASCII)
_ROUTING_KEY: Final = re.compile(r"[0-9A-Za-z]{32}", re.ASCII)
# a name's parts have 63 characters at most (RFC 1035, 2.3.4)
_HOST: Final = re.compile(r"(?!.{255})[0-9A-Za-z-]{1,63}(?:\.[0-9A-Za-z-]{1,63})*\.?|[0-9A-Fa-f:.]{2,45}", re.ASCII)
_URL: Final = re.compile(r"[\x21-\x7e]{1,2000}")
_PLACE: Final = re.compile(r"at `(\$[\w.\[\]]*)`")
_MOST: Final = 20
# "between 24 bytes (192 bits) and 64 bytes (512 bits)" (Standard Webhooks, "Signature scheme")
_SHORTEST_KEY, _LONGEST_KEY = 24, 64
_EXAMPLE: Final = '[{"type": "slack", "url": "https://…"}]'


class _Channel(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True, rename="camel"):
    """A channel; its ``name`` tells it from others in logs, and is its type by default."""

    name: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


class Slack(_Channel, tag="slack", frozen=True, kw_only=True):
    """A channel of Slack: the URL of an incoming webhook."""

    url: str


class Teams(_Channel, tag="teams", frozen=True, kw_only=True):
    """A channel of Microsoft Teams: the URL of a workflow that posts to it when a webhook request is received."""

    url: str


class PagerDuty(_Channel, tag="pagerduty", frozen=True, kw_only=True):
    """A service of PagerDuty: the integration key of Events API v2; accounts in Europe have another ``url``."""

    routing_key: str
    url: str = "https://events.pagerduty.com/v2/enqueue"


class Webhook(_Channel, tag="webhook", frozen=True, kw_only=True):
    """Anything else that takes HTTPS: its URL, and the ``key`` that requests are signed with, `whsec_` and base64 of 24 to 64 bytes."""

    url: str
    key: str


Channel = Slack | Teams | PagerDuty | Webhook


def signing_key(key: str) -> bytes:
    """Returns the bytes of a webhook's key. Raises ValueError where it is none."""
    raw = b64decode(key.removeprefix("whsec_"), validate=True)
    if not key.startswith("whsec_") or not _SHORTEST_KEY <= len(raw) <= _LONGEST_KEY:
        raise ValueError("a key begins with whsec_, and holds 24 to 64 bytes in base64")
    return raw


def read_channels(arn: str, read: Callable[[str, str], object] = read_secret) -> dict[str, Channel]:
    """Returns the channels in the secret ``arn`` by their names.

    Args:
        arn: of a secret of Secrets Manager, or of a SecureString parameter of SSM, that holds a JSON list (docs/notifications.md).
        read: returns what a secret holds, as `read_secret` does.

    Raises UnavailableError where it can't be read now, MisconfiguredError where it can't be read at all or a channel is wrong.
    """
    value = read(arn, "the channels of notify")
    try:
        channels = msgspec.json.decode(value.encode() if isinstance(value, str) else b"", type=list[Channel])
    except (msgspec.MsgspecError, UnicodeError) as error:
        # of the decoder's own words only the place: the others may quote the value
        place = _PLACE.search(str(error))
        where = f"; it is wrong at {place[1]}" if place else ""
        raise MisconfiguredError([f"{arn} must hold a JSON list of channels such as {_EXAMPLE}{where}"]) from None
    named = [msgspec.structs.replace(channel, name=channel.name or _type_of(channel)) for channel in channels]
    problems = [f"channel {number} ({_type_of(channel)}) in {arn}: {problem}"
                for number, channel in enumerate(named, 1) for problem in _problems(channel)]  # fmt: skip
    if len({channel.name for channel in named}) < len(named):
        problems.append(f"two channels in {arn} have the same name: give each `name`")
    if not 0 < len(named) <= _MOST:
        problems.append(f"{arn} holds {len(named)} channels: give 1 to {_MOST}")
    if problems:
        raise MisconfiguredError(problems)
    return {channel.name: channel for channel in named}


def _type_of(channel: Channel) -> str:
    return str(channel.__struct_config__.tag)


def _problems(channel: Channel) -> list[str]:
    found = [] if _NAME.fullmatch(channel.name) else ["its name must be 1 to 40 of A-Z, a-z, 0-9, _ and -"]
    if not _is_https(channel.url):
        found.append("its url must be one with https, and without a user name and a password")
    if isinstance(channel, PagerDuty) and not _ROUTING_KEY.fullmatch(channel.routing_key):
        found.append("its routingKey must be the 32 characters of an integration key of Events API v2")
    if isinstance(channel, Webhook):
        try:
            signing_key(channel.key)
        except ValueError:
            found.append("its key must be whsec_ and base64 of 24 to 64 bytes")
    return found


def _is_https(url: str) -> bool:
    try:
        parts: Any = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return (parts.scheme == "https" and bool(_HOST.fullmatch(parts.hostname or "")) and "@" not in parts.netloc
            and bool(_URL.fullmatch(url)))  # fmt: skip
