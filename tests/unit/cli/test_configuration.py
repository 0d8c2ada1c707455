"""Which value is in force, and where it comes from."""

import pytest

from pipeline.cli.config_file import parse_config
from pipeline.cli.config_keys import KEYS
from pipeline.cli.configuration import configuration_of
from pipeline.errors import MisconfiguredError
from pipeline.settings import Settings
from tests.unit.cli.test_config_file import PATH

FILE = """
endpoint = "https://all.example"
username = "u"
password = "hunter2"
insecure = true
region = "eu-west-1"
prefix = "all"
[contexts.prod]
endpoint = "https://prod.example"
prefix = "prod"
[contexts.same]
prefix = "same"
"""
NO_AWS = {"AWS_CONFIG_FILE": "/dev/null"}


def found(options=(), environment=(), text=FILE, context=""):
    """The configuration of these."""
    return configuration_of(dict(options), NO_AWS | dict(environment), parse_config(text, PATH), context=context)


def value(configuration, key):
    """One value with its origin."""
    return configuration.values[key].text, configuration.values[key].origin


def test_an_option_counts_before_the_environment_before_the_file_before_the_default():
    """Each layer in turn is taken away."""
    layers = {"options": {"region": "us-east-1"}, "environment": {"AWS_REGION": "us-east-2"}}
    assert value(found(**layers), "region") == ("us-east-1", "--region")
    del layers["options"]
    assert value(found(**layers), "region") == ("us-east-2", "AWS_REGION")
    assert value(found(environment={"AWS_DEFAULT_REGION": "us-west-1"}), "region") == ("us-west-1", "AWS_DEFAULT_REGION")
    # an empty variable counts as none, as with the settings
    assert value(found(environment={"AWS_REGION": ""}), "region") == ("eu-west-1", "/etc/c.toml:6")
    assert value(found(text=""), "region") == ("", "default")
    assert value(found(context="prod"), "prefix") == ("prod", "/etc/c.toml:10")


def test_the_profile_names_the_region_where_nobody_else_does(tmp_path):
    """As the AWS CLI has it, with --profile or the default profile."""
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-west-2\n[profile prod]\nregion = eu-west-3\n")
    environment = {"AWS_CONFIG_FILE": str(config)}
    assert value(found(environment=environment, text=""), "region") == ("eu-west-2", f"{config}, profile default")
    assert value(found({"profile": "prod"}, environment, text=""), "region") == ("eu-west-3", f"{config}, profile prod")
    assert found({"profile": "prod"}, environment, text="").variables()["AWS_REGION"] == "eu-west-3"
    assert value(found({"profile": "prod"}, environment), "region") == ("eu-west-1", "/etc/c.toml:6")


@pytest.mark.parametrize(
    ("options", "environment", "context", "has_login"),
    [
        ({}, {}, "", True),
        ({}, {}, "same", True),
        ({"endpoint": "https://all.example"}, {}, "", True),
        ({"endpoint": "https://else.example"}, {}, "", False),
        ({}, {"TRACEJOIN_ENDPOINT": "https://else.example"}, "", False),
        ({}, {}, "prod", False),
        ({"endpoint": "https://all.example"}, {}, "prod", True),
    ],
)
def test_a_login_is_only_for_the_endpoint_beside_which_it_stands(options, environment, context, has_login):
    """No password, and no leave to check nothing, goes to an endpoint that another layer names."""
    variables = found(options, environment, context=context).variables()
    settings = Settings.from_environment(environment | variables)
    assert (settings.has_login, settings.insecure, "TRACEJOIN_PASSWORD" in variables) == (has_login,) * 3


def test_what_the_process_is_told_holds_no_secret():
    """The environment of programs that are started: the region for AWS' libraries, too, and no keys where an option names a profile."""
    changes = found({"profile": "prod"}).changes()
    assert "TRACEJOIN_PASSWORD" not in changes
    assert (changes["AWS_REGION"], changes["AWS_DEFAULT_REGION"]) == ("eu-west-1", "eu-west-1")
    assert (changes["AWS_PROFILE"], changes["AWS_DEFAULT_PROFILE"], changes["AWS_ACCESS_KEY_ID"]) == ("prod", "prod", None)
    assert "AWS_ACCESS_KEY_ID" not in found(text="profile = 'prod'").changes()


def test_a_context_that_there_is_not():
    """What is like it, and where it was named."""
    with pytest.raises(MisconfiguredError, match=r"--context: no context 'prd' in /etc/c.toml: did you mean prod\?"):
        found(context="prd")
    with pytest.raises(MisconfiguredError, match=r"TRACEJOIN_CONTEXT: no context 'zzz' in /etc/c.toml: there are prod, same"):
        found(environment={"TRACEJOIN_CONTEXT": "zzz"})
    with pytest.raises(MisconfiguredError, match="there is none"):
        found(context="a", text="")


def test_a_wrong_value_of_the_file_is_told_with_its_line_and_without_a_secret():
    """Only where it is in force; the URL may hold a login."""
    with pytest.raises(MisconfiguredError) as caught:
        found(text="prefix = 'No'\nendpoint = 'https://me:hunter2@x'")
    assert [problem[:30] for problem in sorted(caught.value.problems)] == [
        "/etc/c.toml:1: prefix = 'No': ",
        "/etc/c.toml:2: endpoint: must ",
    ]
    assert "hunter2" not in str(caught.value)
    assert value(found(environment={"TRACEJOIN_PREFIX": "yes"}, text="prefix = 'No'"), "prefix") == ("yes", "TRACEJOIN_PREFIX")


def test_each_default_is_what_its_parser_reads():
    """What `config` shows as a default could be set."""
    for key in KEYS.values():
        if text := key.written(key.default):
            key.check(text)
