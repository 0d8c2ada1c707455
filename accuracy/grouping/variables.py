"""Variables: what changes from one fault of a cause to the next, in messages and paths: numbers, ids, names, times, lists."""

import random
import re
import string
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

_NAMES: Final = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj", "olivia", "peggy")
_SLOT: Final = re.compile(r"<(\w+)>")


def _hex(rng: random.Random, digits: int) -> str:
    return f"{rng.getrandbits(4 * digits):0{digits}x}"


def _moment(rng: random.Random) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=rng.randrange(31_000_000))


_MAKERS: Final[dict[str, Callable[[random.Random], str]]] = {
    "number": lambda rng: str(rng.randrange(10 ** rng.randint(1, 9))),
    "decimal": lambda rng: f"{rng.uniform(0, 10_000):.{rng.randint(1, 3)}f}",
    "milliseconds": lambda rng: f"{rng.randrange(1, 30_000)}ms",
    "uuid": lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    "hex": lambda rng: _hex(rng, 12),
    "pointer": lambda rng: f"0x{_hex(rng, 12)}",
    "order": lambda rng: f"ord-{_hex(rng, 8)}",
    "base62": lambda rng: "".join(rng.choices(string.ascii_letters + string.digits, k=20)),
    "name": lambda rng: rng.choice(_NAMES),
    "email": lambda rng: f"{rng.choice(_NAMES)}.{rng.randrange(100)}@example.com",
    "ip": lambda rng: ".".join(str(rng.randrange(256)) for _ in range(4)),
    "host": lambda rng: f"ip-{'-'.join(str(rng.randrange(256)) for _ in range(4))}.eu-west-1.compute.internal",
    "node": lambda rng: f"node{rng.randrange(100)}",
    "url": lambda rng: f"https://api.example.com/v1/{rng.choice(_NAMES)}/{rng.randrange(1000)}?page={rng.randrange(9)}",
    "file": lambda rng: f"/tmp/{rng.choice(_NAMES)}/{_hex(rng, 6)}.json",  # noqa: S108  # a text
    "arn": lambda rng: f"arn:aws:dynamodb:eu-west-1:123456789012:table/{rng.choice(_NAMES)}-{rng.randrange(9)}",
    "iso": lambda rng: f"{_moment(rng):%Y-%m-%dT%H:%M:%S.%fZ}",
    "date": lambda rng: f"{_moment(rng):%a, %d %b %Y %H:%M:%S GMT}",
    "items": lambda rng: ", ".join(str(rng.randrange(1000)) for _ in range(rng.randint(1, 6))),
    "quoted_items": lambda rng: str([rng.choice(_NAMES) for _ in range(rng.randint(1, 5))]),
}  # fmt: skip


def filled(template: str, rng: random.Random) -> str:
    """Returns ``template`` with a new value for each ``<kind>``. Raises KeyError if there is no such kind."""
    return _SLOT.sub(lambda slot: _MAKERS[slot[1]](rng), template)
