"""AWS profiles: which profiles the AWS CLI's files have, and which region a profile names; without botocore, which takes a while to load.

Sources: AWS CLI user guide, "Configuration and credential file settings" (`[default]`, `[profile NAME]` in the config file, `[NAME]` in the
credentials file) and "Environment variables" (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE).
"""

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pipeline.errors import MisconfiguredError
from pipeline.model.close_names import did_you_mean

_PROFILE: Final = "profile "
_DEFAULT: Final = "default"


def config_path(environment: Mapping[str, str]) -> Path:
    """The AWS CLI's config file."""
    return Path(environment.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()


def profile_region(environment: Mapping[str, str], profile: str) -> str:
    """The region that ``profile``, or the default one where that is empty, names in the config file; empty where it names none."""
    return _profiles(config_path(environment)).get(profile or _DEFAULT, {}).get("region", "")


def require_profile(environment: Mapping[str, str], profile: str) -> None:
    """Raises MisconfiguredError where neither of the AWS CLI's files has ``profile``: with their names, and the profiles that there are."""
    config = config_path(environment)
    credentials = Path(environment.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser()
    known = list(dict.fromkeys([*_profiles(config), *_read(credentials)]))
    if profile not in known:
        there_are = f"there are {', '.join(known)}" if known else "there is none: `aws configure` makes one"
        close = did_you_mean(profile, known)
        raise MisconfiguredError([f"no AWS profile {profile!r} in {config} or {credentials}: {close or there_are}"])


def _profiles(config: Path) -> dict[str, Mapping[str, str]]:
    sections = _read(config)
    named = {name.removeprefix(_PROFILE).strip().strip("\"'"): section for name, section in sections.items() if name.startswith(_PROFILE)}
    return {**({_DEFAULT: sections[_DEFAULT]} if _DEFAULT in sections else {}), **named}


def _read(path: Path) -> dict[str, Mapping[str, str]]:
    """The sections of a file; none where it is not there or can't be read, which boto3 tells better."""
    # no section is a parent of the others, and % means nothing, as in botocore.configloader
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, configparser.Error):
        return {}
    return {name: dict(parser.items(name)) for name in parser.sections()}
