"""--profile and --region: whose keys and which region every call of AWS is made with."""

import os
import re

import click
import pytest
from click.testing import CliRunner

from pipeline.cli.main import cli
from pipeline.cli.options import pass_app
from pipeline.errors import MisconfiguredError
from tests.support.command import tracejoin
from tests.support.documents import indexed
from tests.support.events import lambda_event, powertools, report
from tests.support.http_server import Forwarder, HttpServer

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
_SIGNED = re.compile(r"Credential=(\w+)/\d+/([\w-]+)/(\w+)/aws4_request")


@pytest.fixture
def files(tmp_path):
    """The environment with the AWS CLI's files: two profiles, one with a region."""
    (tmp_path / "config").write_text("[profile prod]\nregion = eu-central-1\n")
    (tmp_path / "credentials").write_text("".join(
        f"[{name}]\naws_access_key_id = AKID{name.upper()}\naws_secret_access_key = secret\n" for name in ("default", "prod")))  # fmt: skip
    return {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}


@pytest.fixture
def signed():
    """Notes each signature: its key, region and service."""
    return []


@pytest.fixture
def recorder(signed, store):
    """The store's OpenSearch as if it were Amazon's, and AWS, where nothing is allowed."""
    forward = Forwarder(store.endpoint)

    def answer(request):
        found = _SIGNED.search(request.headers.get("authorization", ""))
        signed.append(found.groups() if found else None)
        return forward(request) if found and found[3] == "es" else (403, {"__type": "AccessDeniedException", "message": "no"})

    with HttpServer(answer) as server:
        yield {"TRACEJOIN_ENDPOINT": server.endpoint, "TRACEJOIN_PREFIX": store.prefix, "TRACEJOIN_OPENSEARCH_SERVICE": "es",
               "AWS_ENDPOINT_URL": server.endpoint, "AWS_MAX_ATTEMPTS": "1"}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "environment", "key", "region"),
    [
        (("--region", "eu-west-1"), {}, "AKIDDEFAULT", "eu-west-1"),
        (("--profile", "prod"), {}, "AKIDPROD", "eu-central-1"),
        (("--profile", "prod", "--region", "us-east-1"), KEYS | {"AWS_REGION": "eu-west-3"}, "AKIDPROD", "us-east-1"),
        (("--profile", "prod"), KEYS | {"AWS_DEFAULT_PROFILE": "default"}, "AKIDPROD", "eu-central-1"),
        ((), {"AWS_PROFILE": "prod"}, "AKIDPROD", "eu-central-1"),
        # as with the AWS CLI, keys in the environment count before a profile that the environment names
        ((), KEYS | {"AWS_PROFILE": "prod"}, "AKIDENV", "eu-central-1"),
    ],
)
def test_requests_to_opensearch_are_signed_so(files, recorder, signed, words, environment, key, region):
    """Before the command's name and after it."""
    for arguments in ((*words, "faults"), ("faults", *words)):
        signed.clear()
        status, _, errors = tracejoin(*arguments, **files, **recorder, **environment)
        assert (status, errors) == (1, "tracejoin: no hidden faults\n")
        assert set(signed) == {(key, region, "es")}


@pytest.mark.parametrize(
    ("command", "services"),
    [
        (("doctor", "--json"), {"cloudformation", "logs", "xray"}),
        (("backfill", "/aws/lambda/a", "--since", "1h"), {"logs"}),
        (("cost", "--stack", "s"), {"sts"}),
        (("replay", "--bucket", "parked"), {"s3"}),
        (("replay", "--stack", "s"), {"cloudformation"}),
        (("resolve",), {"xray"}),
    ],
)
def test_every_call_of_aws_is_made_so(files, recorder, signed, command, services, tmp_path, store, settings):
    """Whatever the command asks: CloudFormation, CloudWatch Logs, X-Ray, S3."""
    indexed(lambda_event([powertools("paid"), report()]), store, settings)
    tracejoin("--profile", "prod", *command, **files, **recorder, **KEYS, XDG_STATE_HOME=str(tmp_path))
    calls = {each for each in signed if each and each[2] != "es"}
    assert {each[:2] for each in calls} == {("AKIDPROD", "eu-central-1")}
    assert services <= {each[2] for each in calls}


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (("--profile", "prd", "explain"), {}),
        (("explain", "--profile", "prd"), {}),
        (("faults",), {"AWS_PROFILE": "prd"}),
        (("doctor",), {"AWS_PROFILE": "prd"}),
        (("backfill", "a", "--since", "1h"), {"AWS_PROFILE": "prd", "AWS_REGION": "eu-west-1"}),
    ],
)
def test_a_profile_that_there_is_not_is_one_line(files, recorder, words, environment):
    """With the file and what is like it; where nothing of AWS is asked, the environment's profile does not matter."""
    status, _, errors = tracejoin(*words, **files, **recorder, **environment)
    assert (status, errors.count("\n")) == (2, 1), errors
    assert f"no AWS profile 'prd' in {files['AWS_CONFIG_FILE']} or {files['AWS_SHARED_CREDENTIALS_FILE']}: did you mean prod?" in errors
    assert tracejoin("explain", text="a line", **files, AWS_PROFILE="prd")[0] == 0


def test_a_profile_after_the_command_brings_its_region(files, recorder, signed, tmp_path):
    """Not that of the default profile, nor a login and a region that the environment of the process was told before."""
    config = tmp_path / "config"
    config.write_text(f"[default]\nregion = eu-west-2\n{config.read_text()}")
    assert tracejoin("faults", "--profile", "prod", **files, **recorder)[0] == 1
    assert set(signed) == {("AKIDPROD", "eu-central-1", "es")}


def test_the_process_is_left_as_it_was(monkeypatch, tmp_path):
    """What options and the file say is in the environment while a command runs, and not after it."""
    (tmp_path / "tracejoin").mkdir()
    (tmp_path / "tracejoin" / "config.toml").write_text("author = 'Kim'\nregion = 'eu-west-1'\npassword = 'hunter2'\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("AWS_REGION", raising=False)
    before, during = dict(os.environ), {}

    @click.command()
    @pass_app
    def look(app):
        during.update(os.environ)

    monkeypatch.setattr(type(cli), "get_command", lambda *_: look)
    monkeypatch.setattr(type(cli), "resolve_command", lambda *_: ("look", look, []))
    # a password without a user
    assert isinstance(CliRunner().invoke(cli, ["look"]).exception, MisconfiguredError)
    assert dict(os.environ) == before
    monkeypatch.setenv("TRACEJOIN_USERNAME", "me")
    before["TRACEJOIN_USERNAME"] = "me"
    assert CliRunner().invoke(cli, ["look"]).exit_code == 0
    assert {name: value for name, value in during.items() if before.get(name) != value} == {
        "TRACEJOIN_AUTHOR": "Kim", "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
    }  # fmt: skip
    assert dict(os.environ) == before
