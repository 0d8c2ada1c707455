"""Configuration: which value of each key is in force, and where it comes from: an option, the environment, the file, or the default.

Pure: who calls it hands in the environment and the file.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.cli.aws_profiles import config_path, profile_region
from pipeline.cli.config_file import ConfigFile, FileValue
from pipeline.cli.config_keys import KEYS, OF_ENDPOINT, ConfigKey
from pipeline.errors import MisconfiguredError
from pipeline.model.close_names import did_you_mean
from pipeline.setting_values import on_or_off

OPTIONS: Final[Mapping[str, str]] = {
    "endpoint": "--endpoint", "profile": "--profile", "region": "--region", "ca": "--ca", "insecure": "--insecure",
}  # fmt: skip
"""The options that set a key, by the key."""
CONTEXT_VARIABLE: Final = "TRACEJOIN_CONTEXT"
# credentials of the environment, which a profile that is named by an option replaces, as with the AWS CLI
_CREDENTIALS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
# where AWS' own libraries look first, or alone
_TWINS: Final[Mapping[str, str]] = {"profile": "AWS_DEFAULT_PROFILE", "region": "AWS_DEFAULT_REGION"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigValue:
    """One value in force.

    Attributes:
        text: as its environment variable has it.
        origin: where it comes from, such as `--endpoint`, `AWS_REGION`, `/home/me/.config/tracejoin/config.toml:3` or `default`.
        is_own: whether it comes from an option or a file, so that the environment does not have it yet.
        is_default: whether nobody set it.
    """

    key: ConfigKey
    text: str
    origin: str
    is_own: bool = False
    is_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All values in force.

    Attributes:
        values: by key.
        context: the name of the context; empty for none.
        context_origin: where that comes from.
        file: the configuration file.
    """

    values: Mapping[str, ConfigValue]
    context: str
    context_origin: str
    file: ConfigFile

    def variables(self) -> dict[str, str]:
        """The environment variables of what comes from an option or a file, secrets among them."""
        return {each.key.variable: each.text for each in self.values.values() if each.is_own}

    def blamed(self, problem: str) -> str:
        """Returns what `Settings` say of a variable, with the option or the line of the file in its place where the value is from there."""
        for each in self.values.values():
            if each.is_own:
                named = each.origin if each.origin.startswith("--") else f"{each.key.name} ({each.origin})"
                problem = re.sub(rf"\b{each.key.variable}\b", named.replace("\\", r"\\"), problem)
        return problem

    def changes(self) -> dict[str, str | None]:
        """What the process's environment is to be told, for AWS' libraries, the time zone, and programs that it starts; None for what goes.

        A secret is never among it.
        """
        own = [each for each in self.values.values() if each.is_own and not each.key.is_secret]
        twins = {_TWINS[each.key.name]: each.text for each in own if each.key.name in _TWINS}
        # one word for every place that reads or prints a time in this computer's own zone
        zone = {"TZ": "UTC"} if on_or_off(self.values["utc"].text) else {}
        gone = _CREDENTIALS if self.values["profile"].origin == OPTIONS["profile"] else ()
        return {**{each.key.variable: each.text for each in own}, **twins, **zone, **dict.fromkeys(gone)}


def configuration_of(options: Mapping[str, str], environment: Mapping[str, str], file: ConfigFile, *, context: str = "") -> Configuration:
    """Finds the values in force: an option counts before the environment, that before the file, and that before the default.

    Args:
        options: the texts of the options that were given, by key.
        environment: the environment variables.
        file: the configuration file.
        context: the context that an option chose; empty for that of the environment, else of the file.

    A login, and the leave to check no certificate, are for the endpoint beside which they are set: where another endpoint counts than the
    file's, or a context names its own, they are left out.

    Raises MisconfiguredError where there is no such context, and for each wrong value in force of the file or of the command's own
    variables.
    """
    chosen, origin = _context(context, environment, file)
    layers = ((file.contexts[chosen],) if chosen else ()) + (file.top,)
    values = {name: _in_force(key, options, environment, file, _layers_for(name, layers, options, environment))
              for name, key in KEYS.items()}  # fmt: skip
    values["region"] = _with_profile(values["region"], values["profile"], environment)
    if problems := list(_wrong(values)):
        raise MisconfiguredError(problems)
    return Configuration(values=values, context=chosen, context_origin=origin, file=file)


def _context(option: str, environment: Mapping[str, str], file: ConfigFile) -> tuple[str, str]:
    in_file = (file.context, f"{file.path}:{file.context_line}")
    chosen, origin = next((pair for pair in ((option, "--context"), (environment.get(CONTEXT_VARIABLE, ""), CONTEXT_VARIABLE), in_file)
                           if pair[0]), ("", ""))  # fmt: skip
    if chosen and chosen not in file.contexts:
        there_are = f"there are {', '.join(file.contexts)}" if file.contexts else "there is none"
        raise MisconfiguredError([f"{origin}: no context {chosen!r} in {file.path}: {did_you_mean(chosen, file.contexts) or there_are}"])
    return chosen, origin


def _layers_for(
    name: str, layers: tuple[Mapping[str, FileValue], ...], options: Mapping[str, str], environment: Mapping[str, str]
) -> Iterator[Mapping[str, FileValue]]:
    """The layers of the file that count for a key: for what belongs to an endpoint, only those whose endpoint it is."""
    endpoint = options.get("endpoint") or environment.get(KEYS["endpoint"].variable, "")
    for layer in layers:
        named = layer["endpoint"].text if "endpoint" in layer else ""
        if name not in OF_ENDPOINT or not endpoint or named == endpoint:
            yield layer
        endpoint = endpoint or named


def _in_force(key: ConfigKey, options: Mapping[str, str], environment: Mapping[str, str], file: ConfigFile,
              layers: Iterator[Mapping[str, FileValue]]) -> ConfigValue:  # fmt: skip
    if text := options.get(key.name, ""):
        return ConfigValue(key=key, text=text, origin=OPTIONS[key.name], is_own=True)
    for variable in filter(None, (key.variable, key.fallback)):
        if text := environment.get(variable, ""):
            return ConfigValue(key=key, text=text, origin=variable)
    for layer in layers:
        if (found := layer.get(key.name)) and found.text:
            return ConfigValue(key=key, text=found.text, origin=f"{file.path}:{found.line}", is_own=True)
    return ConfigValue(key=key, text=key.written(key.default), origin="default", is_default=True)


def _with_profile(region: ConfigValue, profile: ConfigValue, environment: Mapping[str, str]) -> ConfigValue:
    """The region, which that of the profile is where nothing else sets one."""
    if region.is_default and (text := profile_region(environment, profile.text)):
        origin = f"{config_path(environment)}, profile {profile.text or 'default'}"
        return ConfigValue(key=region.key, text=text, origin=origin, is_own=True)
    return region


def _wrong(values: Mapping[str, ConfigValue]) -> Iterator[str]:
    """What is wrong with the values in force of options and file, and of the command's own variables; `Settings` tells the rest."""
    for each in values.values():
        if each.is_own or not each.key.is_setting:
            try:
                each.key.check(each.text)
            except ValueError as error:
                shown = f" = {each.text!r}" if each.key.shows_wrong else ""
                yield f"{each.origin}: {each.key.name}{shown}: {error}"
