"""Configuration keys: what a configuration file may set, each key with its environment variable, its type and its check."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from pipeline import setting_values as values
from pipeline.errors import MisconfiguredError
from pipeline.settings import Settings

_START: Final = "TRACEJOIN_"
# what only functions read
_OF_FUNCTIONS: Final = frozenset({
    "notify_secret", "notify_private", "notify_queue_url", "notify_dead_letters_url", "queue_url", "dead_letters_url", "sweep_queue_url",
    "own_log_group", "log_groups", "log_group_tag", "filter_name", "filter_pattern", "ship_arn", "stack_id",
})  # fmt: skip
_SECRET: Final = frozenset({"password"})
_FILES: Final = frozenset({"ca", "rules", "policy"})
# their values may hold commas
_SEMICOLONS: Final = frozenset({"correlation_paths", "redact_patterns"})

OF_ENDPOINT: Final = frozenset({"opensearch_service", "opensearch_secret", "username", "password", "insecure"})
"""The keys whose values are for the endpoint beside which they are set, and for no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigKey:
    """One key of a configuration file.

    Attributes:
        name: the key.
        variable: the environment variable that sets the same.
        fallback: a second such variable; empty for none.
        default: what counts where nothing is set: text, number, boolean, or a tuple of several.
        parse: reads its text, raises ValueError or MisconfiguredError where it is wrong; None for any text.
        shows_wrong: whether a wrong value may be shown; it may hold a login.
        is_setting: whether it is a field of `Settings`, which check what the environment says of it.
    """

    name: str
    variable: str
    fallback: str = ""
    default: Any = ""
    parse: Callable[[str], Any] | None = None
    shows_wrong: bool = True
    is_setting: bool = False

    @property
    def is_secret(self) -> bool:
        """Whether its value is never shown."""
        return self.name in _SECRET

    def text_of(self, value: object, folder: Path) -> str:
        """Returns a value of TOML as the variable has it; the name of a file starts in ``folder``. Raises ValueError for a wrong type."""
        if isinstance(self.default, bool) and isinstance(value, bool):
            return "on" if value else "off"
        if isinstance(self.default, tuple) and isinstance(value, list):
            return self._joined(value)
        if type(value) is int and (isinstance(self.default, int | tuple) and not isinstance(self.default, bool)):
            return str(value)
        if not isinstance(value, str):
            raise ValueError(f"must be {self._type()}")  # noqa: TRY004  # a value of the user, not of a caller
        return str(folder / Path(value).expanduser()) if value and self.name in _FILES else value

    def check(self, text: str) -> None:
        """Raises ValueError where ``text`` is no value of this key: every problem, without the value where that may hold a secret."""
        try:
            if self.parse:
                self.parse(text.strip())
        except MisconfiguredError as error:
            raise ValueError("; ".join(error.problems)) from None

    def written(self, value: Any) -> str:
        """Returns a parsed value as text."""
        if isinstance(value, bool):
            return "on" if value else "off"
        return self._separator().join(map(str, value)) if isinstance(value, tuple) else str(value)

    def _joined(self, parts: list[Any]) -> str:
        if not all(isinstance(part, str) or type(part) is int for part in parts):
            raise ValueError(f"must be {self._type()}")
        texts = [str(part) for part in parts]
        if any(self._separator() in text for text in texts):
            raise ValueError(f"must have no {self._separator()!r} inside a text of the list: it stands between them")
        return self._separator().join(texts)

    def _separator(self) -> str:
        return ";" if self.name in _SEMICOLONS else ","

    def _type(self) -> str:
        if isinstance(self.default, bool):
            return "true or false"
        if isinstance(self.default, int):
            return "a number"
        return "a text or a list of texts" if isinstance(self.default, tuple) else "a text in quotation marks"


def _keys() -> dict[str, ConfigKey]:
    own = [
        ConfigKey(name="profile", variable="AWS_PROFILE", fallback="AWS_DEFAULT_PROFILE"),
        ConfigKey(name="author", variable="TRACEJOIN_AUTHOR"),
        ConfigKey(name="utc", variable="TRACEJOIN_UTC", default=False, parse=values.on_or_off),
    ]
    found = [
        ConfigKey(name="region" if field.name == "region" else field.metadata["variable"].removeprefix(_START).lower(),
                  variable=field.metadata["variable"], fallback=field.metadata["fallback"], default=field.default,
                  parse=field.metadata["parse"], shows_wrong=field.metadata["shown"], is_setting=True)
        for field in fields(Settings) if field.name not in _OF_FUNCTIONS
    ]  # fmt: skip
    return {key.name: key for key in [*found, *own]}


KEYS: Final[Mapping[str, ConfigKey]] = _keys()
"""Every key by its name: the settings' in their order, then those of the command alone."""
