"""The configuration file: each value with its line, each mistake with its line."""

from pathlib import Path

import pytest

from pipeline.cli.config_file import ConfigFile, FileValue, parse_config, read_config_file
from pipeline.errors import MisconfiguredError

PATH = Path("/etc/c.toml")
WHOLE = """# of this team
prefix = "orders"
context = 'prod'
correlation_paths = [
    "a.b",  # endpoint = "no"
    "c",
]
redact = false
workers = 4

[contexts.dev]
endpoint = "http://localhost:9200"

[contexts.prod]
username = \"\"\"
region = x\"\"\"
"rules" = "r.yaml"
lookup_delays = [10, 60]
alert_growth = 10
"""


def test_each_value_has_its_text_and_its_line():
    """Lists, numbers and booleans are as their variables have them; a file's name starts in the folder; no text in a value is a key."""
    assert parse_config(WHOLE, PATH) == ConfigFile(
        PATH,
        top={
            "prefix": FileValue("orders", 2),
            "correlation_paths": FileValue("a.b;c", 4),
            "redact": FileValue("off", 8),
            "workers": FileValue("4", 9),
        },
        contexts={
            "dev": {"endpoint": FileValue("http://localhost:9200", 12)},
            "prod": {
                "username": FileValue("region = x", 15),
                "rules": FileValue("/etc/r.yaml", 17),
                "lookup_delays": FileValue("10,60", 18),
                "alert_growth": FileValue("10", 19),
            },
        },
        context="prod",
        context_line=3,
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('prefix = "a"\nendpoint = x', "/etc/c.toml:2: this is no TOML: Invalid value"),
        ('prefix = "a"\nprefix = "b"', "/etc/c.toml:2: this is no TOML: Cannot overwrite a value"),
        ('prefix = "a', "/etc/c.toml:1: this is no TOML"),
        ("\n\nendpint = 'a'", "/etc/c.toml:3: there is no key 'endpint': did you mean endpoint?"),
        ("TRACEJOIN_ENDPOINT = 'a'", "/etc/c.toml:1: there is no key 'TRACEJOIN_ENDPOINT': did you mean endpoint?"),
        ("[contexts.a]\nAWS_REGION = 'a'", "/etc/c.toml:2: there is no key 'AWS_REGION': did you mean region?"),
        ("redact-keys = 'a'", "/etc/c.toml:1: there is no key 'redact-keys': did you mean redact_keys?"),
        ("queue_url = 'https://sqs'", "/etc/c.toml:1: there is no key 'queue_url': tracejoin config list --all names them"),
        ("prefix = 3", "/etc/c.toml:1: prefix must be a text in quotation marks"),
        ("workers = 'a'\nredact = 1", "/etc/c.toml:2: redact must be true or false"),
        ("workers = true", "/etc/c.toml:1: workers must be a number"),
        ("redact_keys = [1.5]", "/etc/c.toml:1: redact_keys must be a text or a list of texts"),
        ("redact_keys = ['a,b']", "/etc/c.toml:1: redact_keys must have no ',' inside a text of the list"),
        ("region = 2026-11-30", "/etc/c.toml:1: region must be a text in quotation marks"),
        ("contexts = 1", "/etc/c.toml:1: contexts must be tables: [contexts.NAME]"),
        ("[contexts]\na = 1", "/etc/c.toml:2: the context a must be a table: [contexts.a]"),
        ("[[contexts]]\na = 1", "/etc/c.toml:1: contexts must be tables: [contexts.NAME]"),
        ("\n[contexts.'a b']", "/etc/c.toml:2: 'a b' is no name of a context"),
        ("context = 'b'\n[contexts.a]", "/etc/c.toml:1: there is no context 'b': the file has a"),
        ("context = 3", "/etc/c.toml:1: there is no context 3: the file has none"),
        ("a = " + "[" * 5000, "/etc/c.toml:1: this is nested too deep"),
    ],
)
def test_each_mistake_is_one_line_with_its_place(text, problem):
    """No TOML, no such key, no such type, no such context."""
    with pytest.raises(MisconfiguredError) as caught:
        parse_config(text, PATH)
    (told,) = caught.value.problems
    assert told.startswith(problem)


def test_all_mistakes_are_told_at_once():
    """Not one after the other."""
    with pytest.raises(MisconfiguredError) as caught:
        parse_config("a = 1\nb = 2\n[contexts.x]\nc = 3", PATH)
    assert [problem.split(":")[1] for problem in caught.value.problems] == ["1", "2", "4"]


def test_a_file_that_can_not_be_read(tmp_path):
    """None is an empty one; a folder and what is no UTF-8 are told."""
    assert read_config_file(tmp_path / "none.toml") == ConfigFile(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"prefix = '\xe4'")
    for name, problem in ((".", "is no file"), ("latin.toml", "is not UTF-8")):
        with pytest.raises(MisconfiguredError, match=problem):
            read_config_file(tmp_path / name)
