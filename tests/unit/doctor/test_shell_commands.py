"""Remedies as commands: safe to paste, and with what matters."""

import shlex

import pytest

from pipeline.doctor.formats import rest_tracing
from pipeline.doctor.opensearch import templates
from pipeline.doctor.resources import Stage
from pipeline.doctor.shell_commands import aws, curl, setup
from pipeline.provision.desired_state import Change
from pipeline.settings import Settings
from tests.support.doctor_facts import statuses
from tests.support.secrets import PARAMETER, SECRET


def test_commands_are_safe_to_paste():
    """A name that would be more than a word to a shell is one word."""
    bad = "x; rm -rf ~ '$(id)'"
    assert shlex.split(aws("eu-west-1", "logs", "describe-log-groups", "--log-group-name-prefix", bad))[4] == bad
    (found,) = rest_tracing("eu-west-1", [Stage(kind="REST", api_id="a", api_name="n", name=bad)])
    assert bad in shlex.split(found.remedy)


def test_setup_is_called_with_what_matters():
    """Prefix and retention stand before the command where they are not the defaults."""
    assert setup("http://x", Settings()) == "tracejoin setup --endpoint http://x"
    assert setup("http://x", Settings(prefix="p", retention_days=3)).startswith("TRACEJOIN_PREFIX=p TRACEJOIN_RETENTION_DAYS=3 tracejoin")
    changes = [
        Change("policy", "p", "created"),
        Change("index", "i", "unchanged"),
        Change("index", "j", "created"),
        Change("index", "k", "updated"),
    ]
    assert statuses(templates("http://x", changes, Settings())) == [("problem", "j"), ("warning", "k")]


def test_requests_carry_what_opensearch_takes():
    """Amazon's are signed by the shell's own credentials, a user name comes from the shell, a laptop needs nothing; no secret is printed."""
    assert curl("http://localhost:9200", Settings(), "/_cat") == "curl -sS http://localhost:9200/_cat"
    amazon = curl("https://d.eu-west-1.es.amazonaws.com", Settings(region="eu-west-1"), "/i", "DELETE")
    assert amazon.startswith("curl -sS -X DELETE --aws-sigv4 aws:amz:eu-west-1:es ")
    assert "eu-west-1:aoss" in curl("https://d.eu-west-1.aoss.amazonaws.com", Settings(region="eu-west-1"), "/i")
    named = curl("https://own", Settings(username="u", password="secret-word"), "/i")
    assert ("$TRACEJOIN_PASSWORD" in named, "secret-word" in named) == (True, False)


@pytest.mark.parametrize(("arn", "read"), [(SECRET, "aws secretsmanager get-secret-value"), (PARAMETER, "aws ssm get-parameter")])
def test_a_request_by_a_secret_reads_it_in_the_shell(arn, read):
    """What is printed holds the ARN alone."""
    command = curl("https://own", Settings(opensearch_secret=arn), "/i")
    assert f'-u "$({read} ' in command
    assert arn in command
    assert "--region eu-west-1" in command
