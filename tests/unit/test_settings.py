"""Settings: what the environment says, checked at start."""

import pytest

from pipeline.errors import MisconfiguredError
from pipeline.settings import Settings


def test_the_rule_file_is_checked_at_start(tmp_path):
    """Its mistakes stand beside those of the environment; a file that is not there is one."""
    path = tmp_path / "rules.yaml"
    path.write_text("timeout: {severity: loud}\n")
    with pytest.raises(MisconfiguredError) as caught:
        Settings.from_environment({"TRACEJOIN_RULES": str(path), "TRACEJOIN_WORKERS": "none"})
    assert len(caught.value.problems) == 2
    assert caught.value.problems[0].startswith("rules.yaml:1: severity")
    with pytest.raises(MisconfiguredError, match="can't be read"):
        Settings.from_environment({"TRACEJOIN_RULES": str(tmp_path / "none.yaml")})


def test_every_fault_of_these_settings_is_named():
    """What is no key, no default, no regular expression, matches nothing, or needs to look back: each with its number."""
    faults = {
        "TRACEJOIN_REDACT": ("maybe", "must be on or off"),
        "TRACEJOIN_REDACT_KEYS": ("ok,!card", "'!card' takes away what is no default"),
    }
    for pattern in ("(", "a*", r"(a)\1", "a(?=b)"):
        faults["TRACEJOIN_REDACT_PATTERNS"] = (f"fine;{pattern}", f"pattern 2 ({pattern}): ")
        with pytest.raises(MisconfiguredError) as raised:
            Settings.from_environment({name: value for name, (value, _) in faults.items()})
        assert all(any(name in problem and told in problem for problem in raised.value.problems) for name, (_, told) in faults.items())
    with pytest.raises(MisconfiguredError, match="no name of a key"):
        Settings.from_environment({"TRACEJOIN_REDACT_KEYS": "a|b"})
