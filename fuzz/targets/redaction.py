"""Redaction: a planted secret goes in each form that docs/redaction.md promises, JSON stays JSON, and no text makes it raise."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar, Final

from fuzz.json_mutators import JsonMutator, places
from fuzz.target import Input, Target, hold
from fuzz.writers import PLAIN, QUOTING
from pipeline.logs.extract.read_lines import extract
from pipeline.redact.mask import MASK
from pipeline.redact.redactor import DEFAULT

_PLANTED: Final = "Zq8kP2mXw"
_KEYS: Final = (
    "password", "apiKey", "x-api-key", "Authorization", "client_secret", "db_pass", "MYSQL_PASSWORD", "SecretString", "cookie",
    "access_token", "private-key", "otp", "sessionId", "passwd", "credentials",
)  # fmt: skip
_HARMLESS: Final = ("user", "count", "level", "nextToken", "host", "state", "n", "items")
_PREFIXES: Final = (
    "",
    "",
    "[INFO]\t",
    "INFO: got ",
    "[main] INFO - ",
    "2026-11-24T10:00:00.000Z\t52fdfc07-2182-454f-963f-5f0f9a621d72\tINFO\t",
)
_AROUND: Final = tuple(" '\"\\`,;:=&<>()[]{}\n\té漢😀%$#@!/|")
_DEEPEST: Final = 6


class Redaction(Target):
    """Lines with a secret: real JSON lines into which one is put, and values that a language prints.

    Args:
        texts: real log lines.
        pieces: what mutations insert.
    """

    name: ClassVar[str] = "redaction"

    def __init__(self, texts: Sequence[str], pieces: Sequence[str]) -> None:
        super().__init__(texts, pieces)
        values = [value for text in texts if text.startswith("{") and (value := _object(text))]
        self._values = JsonMutator(values, self.mutator)

    def make(self, random: Random) -> Input:
        """A line with a secret or, at times, without one."""
        kind = random.randrange(4)
        if kind == 0:
            return self.of_text(self.mutator.mutated(random))
        if kind == 1:
            return {"secret": _PLANTED, "json": True, "text": self._in_json(random)}
        return self._printed(random)

    def of_text(self, text: str) -> Input:
        """A line of which nothing is promised but that it is read."""
        return {"secret": "", "json": False, "text": text}

    def check(self, given: Input) -> None:
        """The secret is in neither text nor document, JSON stays JSON with the same keys, and a second look changes nothing."""
        text = given["text"]
        left = DEFAULT.text(text)
        if given["secret"]:
            hold("the secret is gone", given["secret"] not in left)
            hold("the secret is not in the document", given["secret"] not in extract(text).body)
        before = _json(text)
        if before is not None:
            after = _json(left)
            hold("JSON stays JSON", after is not None)
            hold("keys stay", _same_keys(before, after))
        hold("a second look changes nothing", DEFAULT.text(left) == left)

    def _in_json(self, random: Random) -> str:
        """A real JSON value, changed, with a secret under a secret key somewhere, in strings of JSON up to six deep."""
        whole: list[Any] = [{"message": self._values.mutated(random)}]
        objects = [parent[key] for parent, key in places(whole) if isinstance(parent[key], dict)]
        random.choice(objects)[random.choice(_KEYS)] = random.choice((_odd(random), [_odd(random)], {"a": [1, _odd(random)]}))
        text = json.dumps(whole[0], ensure_ascii=bool(random.randrange(2)), indent=random.choice((None, None, 1)), default=str)
        for _ in range(random.randrange(_DEEPEST) if not random.randrange(3) else 0):
            text = json.dumps({random.choice(_HARMLESS): text})
        return text

    def _printed(self, random: Random) -> Input:
        """A value with a secret as a language prints it, behind a prefix, or in strings of JSON."""
        quoting = random.randrange(3)
        content = _content(random, odd=bool(quoting))
        language = random.choice(sorted(QUOTING if quoting else PLAIN))
        prefix = random.choice(_PREFIXES)
        text = prefix + (QUOTING if quoting else PLAIN)[language](content)
        depth = random.choice((0, 0, 1, 2, 3))
        for _ in range(depth):
            text = json.dumps({"message": text})
        return {"secret": _PLANTED, "json": bool(depth) or (language in {"json", "pretty"} and not prefix), "text": text}


def _content(random: Random, *, odd: bool) -> Any:
    """An object with a secret beside harmless entries, some levels deep."""
    secret = _odd(random) if odd else _PLANTED
    entries = [(random.choice(_KEYS), random.choice((secret, [secret], [secret, secret]))), (random.choice(_HARMLESS), "kept")]
    random.shuffle(entries)
    content: Any = dict(entries)
    for _ in range(random.randrange(4)):
        content = {
            random.choice(_HARMLESS): "kept",
            "inner": random.choice((content, [content], [{"n": None}, content])),
            "n": random.randrange(99),
        }
    return content


def _odd(random: Random) -> str:
    before, behind = ("".join(random.choice(_AROUND) for _ in range(random.randrange(4))) for _ in range(2))
    return f"{before}{_PLANTED}{behind}"


def _object(text: str) -> Any:
    value = _json(text)
    return value if isinstance(value, dict) else None


def _json(text: str) -> Any:
    """The JSON array or object that ``text`` is; None for anything else."""
    try:
        value = json.loads(text) if text.lstrip(" \t\r\n")[:1] in {"{", "["} else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _same_keys(before: Any, after: Any) -> bool:
    """Whether two values have the same shape, but for what is masked."""
    waiting = [(before, after)]
    while waiting:
        one, two = waiting.pop()
        if two == MASK:
            continue
        if isinstance(one, dict):
            # a key that is a token itself goes, too
            if not isinstance(two, dict) or (list(one) != list(two) and not any(MASK in key for key in two)):
                return False
            waiting += [(one[key], two[key]) for key in one if key in two]
        elif isinstance(one, list):
            if not isinstance(two, list) or len(one) != len(two):
                return False
            waiting += zip(one, two, strict=True)
    return True
