"""Redactor: masks the values of secret keys, recognisable tokens, and what the user's own settings name.

It is pure: text in, text out. It is the first step, so that everything made of a line (document, evidence, dead letter) is made of the
redacted text. docs/redaction.md says what it promises and what it does not.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from pipeline.redact.mask import MASK
from pipeline.redact.own_patterns import OwnPatterns
from pipeline.redact.prefilter import Prefilter
from pipeline.redact.secret_keys import SecretKeys
from pipeline.redact.tokens import COMMANDS, TOKENS, Token, without_tokens

_BY_BEGINNING: Final = {token.beginning: token for token in TOKENS}
_ROUNDS: Final = 3
_KEYS = "secret keys"


class Redactor:
    """Masks secrets in text and in JSON values.

    Args:
        keys: names of secret keys, added to the defaults or, with a `!`, removed from them (`pipeline.redact.secret_keys`).
        patterns: the user's own patterns (`pipeline.redact.own_patterns.OwnPatterns`).
        classes: the classes of personal data that are masked as well (`pipeline.redact.personal_data`).
        on: whether anything is masked at all.

    Raises ValueError if a key, a pattern or a class is malformed or unknown.
    """

    def __init__(self, keys: Iterable[str] = (), patterns: Iterable[str] = (), classes: Sequence[str] = (), *, on: bool = True) -> None:
        self._on = on
        self._keys = SecretKeys(keys)
        self._own = OwnPatterns(patterns)
        self._classes = classes
        self._class_expressions = _expressions_of(classes) if classes else {}

    @property
    def expressions(self) -> Mapping[str, Sequence[str]]:
        """Hyperscan expressions by purpose, for a `Prefilter` whose marks `lines` takes."""
        if not self._on:
            return {}
        tokens = {token.beginning: (token.hint or token.beginning,) for token in TOKENS}
        return {_KEYS: (*self._keys.expressions, *(token.beginning for token in COMMANDS)), **tokens, **self._class_expressions}

    @cached_property
    def _prefilter(self) -> Prefilter:
        return Prefilter(self.expressions)

    def lines(self, messages: Sequence[str], marks: Mapping[str, Sequence[int]]) -> Sequence[str]:
        """Returns ``messages`` without their secrets; ``marks`` are what a `Prefilter` with `expressions` found in these messages."""
        if not self._on or not (self._own or marks):
            return messages
        tokens: dict[int, list[Token]] = {}
        classes: dict[int, list[str]] = {}
        for purpose, numbers in marks.items():
            if purpose in self._classes:
                for number in numbers:
                    classes.setdefault(number, []).append(purpose)
            elif purpose == _KEYS or purpose in _BY_BEGINNING:
                kinds = [_BY_BEGINNING[purpose]] if purpose != _KEYS else []
                for number in numbers:
                    tokens.setdefault(number, []).extend(kinds)
        if not (tokens or classes or self._own):
            return messages
        lines = [self._own.without(message, MASK) for message in messages] if self._own else list(messages)
        for number, found in tokens.items():
            lines[number] = self._without_secrets(lines[number], found)
        for number, names in classes.items():
            lines[number] = _without_classes(lines[number], names)
        return lines

    def text(self, text: str) -> str:
        """Returns ``text`` without its secrets; JSON stays JSON, with the same keys."""
        if not self._on:
            return text
        (line,) = self.lines([text], self._prefilter.scan([text]))
        return line

    def value(self, content: Any) -> Any:
        """Returns a copy of the JSON value ``content`` without its secrets, at any depth."""
        if not self._on:
            return content
        # imported here: a batch of log lines has no use for it
        from pipeline.redact.secret_entries import secret_entries  # noqa: PLC0415

        whole = [content]
        waiting: list[list[Any] | dict[str, Any]] = [whole]
        while waiting:
            part: Any = waiting.pop()
            secret = secret_entries(part, self._keys.is_secret)
            for key, entry in list(part.items() if isinstance(part, dict) else enumerate(part)):
                if key in secret:
                    part[key] = MASK
                elif isinstance(entry, str):
                    part[key] = self.text(entry)
                elif isinstance(entry, Mapping | list):
                    part[key] = dict(entry) if isinstance(entry, Mapping) else list(entry)
                    waiting.append(part[key])
                elif self._classes and isinstance(entry, int) and self.text(str(entry)) == MASK:
                    part[key] = MASK
        return whole[0]

    def _without_secrets(self, text: str, kinds: Sequence[Token]) -> str:
        # masking may expose another secret: a token beside the masked one, or a value that now begins elsewhere
        for _ in range(_ROUNDS):
            masked = self._without_values(without_tokens(text, kinds, MASK))
            if masked == text:
                break
            text = masked
        return text

    def _without_values(self, text: str) -> str:
        # imported here: most batches show no secret key, and a cold start should not wait for it
        from pipeline.redact.secret_values import find_values  # noqa: PLC0415
        from pipeline.redact.views import apply  # noqa: PLC0415

        return apply(text, find_values(text, self._keys.is_secret))


def _expressions_of(classes: Sequence[str]) -> dict[str, Sequence[str]]:
    # imported here: few users ask for a class
    from pipeline.redact.personal_data import CLASSES, checked_classes  # noqa: PLC0415

    return {name: CLASSES[name] for name in checked_classes(classes)}


def _without_classes(text: str, classes: Iterable[str]) -> str:
    # imported here: few users ask for a class
    from pipeline.redact.personal_data import without_classes  # noqa: PLC0415

    return without_classes(text, classes)


DEFAULT: Final = Redactor()
"""The redactor for when no setting says otherwise."""
