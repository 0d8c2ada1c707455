"""Redact: nothing secret leaves. The values of secret keys, tokens that show what they are, and what the user's own patterns match.

Pure: text in, text out. It comes first of all, so that whatever is made of a line (document, evidence, dead letter) is made of what
is left of it. What it promises, and what it does not, is in docs/redaction.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from pipeline.redact.prefilter import Prefilter
from pipeline.redact.secret_keys import SecretKeys
from pipeline.redact.tokens import TOKENS, OwnPatterns, Token, without_tokens

MASK: Final = "[redacted]"
"""What stands in the place of what was secret."""
_ROUNDS: Final = 3
_KEYS = "secret keys"


class Redactor:
    """Takes out of text what is secret.

    Args:
        keys: added to the default keys, or taken away from them (`pipeline.redact.secret_keys`).
        patterns: the user's own.
        on: else it lets everything through.

    Raises ValueError where a key or a pattern is none.
    """

    def __init__(self, keys: Iterable[str] = (), patterns: Iterable[str] = (), *, on: bool = True) -> None:
        self._on = on
        self._keys = SecretKeys(keys)
        self._own = OwnPatterns(patterns)

    @property
    def expressions(self) -> Mapping[str, Sequence[str]]:
        """By purpose, for a `Scanner` whose marks `lines` takes."""
        return {_KEYS: (self._keys.expression,)} | {token.beginning: (token.beginning,) for token in TOKENS} if self._on else {}

    @cached_property
    def _scanner(self) -> Prefilter:
        return Prefilter(self.expressions)

    def lines(self, messages: Sequence[str], marks: Mapping[str, Sequence[int]]) -> Sequence[str]:
        """``messages`` without what is secret in them; ``marks`` are those of a scanner with `expressions`, for these messages."""
        if not self._on or not (self._own or any(marks.values())):
            return messages
        tokens: dict[int, list[Token]] = {}
        for token in TOKENS:
            for number in marks[token.beginning]:
                tokens.setdefault(number, []).append(token)
        if not (tokens or marks[_KEYS] or self._own):
            return messages
        lines = [self._own.without(message, MASK) for message in messages] if self._own else list(messages)
        for number, kinds in tokens.items():
            lines[number] = self._without_tokens(lines[number], kinds)
        for number in set(marks[_KEYS]).difference(tokens):
            lines[number] = self._without_values(lines[number])
        return lines

    def text(self, text: str) -> str:
        """``text`` without what is secret in it; JSON stays JSON, with the same keys."""
        if not self._on:
            return text
        (line,) = self.lines([text], self._scanner.scan([text]))
        return line

    def value(self, content: Any) -> Any:
        """A JSON value without what is secret in it, however deep it is nested."""
        if not self._on:
            return content
        whole = [content]
        waiting: list[list[Any] | dict[str, Any]] = [whole]
        while waiting:
            part: Any = waiting.pop()
            secret = self._secret_in(part) if isinstance(part, dict) else frozenset()
            for key, entry in list(part.items() if isinstance(part, dict) else enumerate(part)):
                if key in secret:
                    part[key] = MASK
                elif isinstance(entry, str):
                    part[key] = self.text(entry)
                elif isinstance(entry, Mapping | list):
                    part[key] = dict(entry) if isinstance(entry, Mapping) else list(entry)
                    waiting.append(part[key])
        return whole[0]

    def _secret_in(self, content: Mapping[str, Any]) -> frozenset[str]:
        """The keys of ``content`` whose values are secret; in a list of pairs, such as OTLP's attributes, the name is beside its value."""
        name = content.get("key", content.get("name"))
        of_name = isinstance(name, str) and self._keys.hold(name)
        return frozenset(
            key for key, entry in content.items()
            if (self._keys.hold(str(key)) or (of_name and key == "value"))
            # nothing, a truth value and an empty text are no secrets
            and not (entry is None or isinstance(entry, bool) or entry in ("", [], {}))
        )  # fmt: skip

    def _without_tokens(self, text: str, kinds: Sequence[Token]) -> str:
        # where a token stood beside another one, or in a value that begins anew, what is left may show more of it
        for _ in range(_ROUNDS):
            left = self._without_values(without_tokens(text, kinds, MASK))
            if left == text:
                break
            text = left
        return text

    def _without_values(self, text: str) -> str:
        # imported here: most batches show no secret key, and a cold start should not wait for it
        from pipeline.redact.secret_values import find_values  # noqa: PLC0415

        parts: list[str] = []
        position = 0
        for value in find_values(text, self._keys.hold):
            parts += (text[position : value.start], value.quote, MASK, value.quote)
            position = value.end
        return "".join((*parts, text[position:])) if parts else text


DEFAULT: Final = Redactor()
"""What is taken out where nobody set anything."""
