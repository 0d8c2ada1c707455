"""Reading the secret, by real clients of both services."""

import logging

import boto3
import pytest

from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.settings import Settings
from pipeline.store.secret import read_login
from tests.support.secrets import PARAMETER, PLANTED, SECRET, told


@pytest.mark.parametrize("arn", [SECRET, PARAMETER])
def test_both_kinds_are_read_and_other_keys_are_left_alone(vault, arn, caplog):
    """Secrets Manager's SecretString and SSM's SecureString; no log of botocore has it, at whatever level."""
    caplog.set_level(logging.DEBUG, logger="")
    vault.value = told(password=PLANTED, engine="opensearch", port=443)
    login = read_login(arn)
    assert (login.username, login.password, vault.reads) == ("admin", PLANTED, 1)
    assert caplog.records
    assert PLANTED not in str([vars(record) for record in caplog.records])
    assert not logging.getLogger("botocore.parsers").disabled


def test_a_secret_of_bytes_and_a_parameter_that_is_no_secret_are_refused(vault):
    """A String parameter shows to whoever may read its history, so it is no place for a password."""
    vault.type = "String"
    with pytest.raises(MisconfiguredError, match="must be a SecureString"):
        read_login(PARAMETER)
    vault.answer = 200, {"ARN": SECRET, "SecretBinary": "eA=="}
    with pytest.raises(MisconfiguredError, match="holds no text"):
        read_login(SECRET)


@pytest.mark.parametrize(("arn", "status", "code", "kind"), [
    (SECRET, 400, "AccessDeniedException", MisconfiguredError), (SECRET, 400, "ResourceNotFoundException", MisconfiguredError),
    (PARAMETER, 400, "ParameterNotFound", MisconfiguredError), (PARAMETER, 400, "ThrottlingException", UnavailableError),
    (SECRET, 500, "InternalServiceError", UnavailableError), (PARAMETER, 503, "Anything", UnavailableError)])  # fmt: skip
def test_a_refusal_names_the_secret_and_the_reason(vault, arn, status, code, kind):
    """What may pass is tried again by whoever called; the rest is for a person."""
    vault.answer = status, {"__type": code, "message": "not you"}
    with pytest.raises(kind, match=code) as caught:
        read_login(arn)
    assert arn in str(caught.value)


def test_a_service_that_is_away_and_missing_credentials_are_told_apart(monkeypatch, vault):
    """In a VPC without a way to the service a function waits some seconds at most; on a laptop without credentials there is another remedy."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1")
    with pytest.raises(UnavailableError, match="a function in a VPC needs a way to it"):
        read_login(SECRET)
    for name, value in {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_CONFIG_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(MisconfiguredError, match="no AWS credentials"):
        read_login(PARAMETER)


def test_a_local_aws_keeps_them_as_aws_does(aws, monkeypatch):
    """Their real ARNs are what the settings take, and what the clients of both services are asked by."""
    for name, value in {"AWS_ENDPOINT_URL": aws, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}.items():
        monkeypatch.setenv(name, value)
    secrets, parameters = (boto3.client(service, region_name="eu-west-1") for service in ("secretsmanager", "ssm"))
    secret = secrets.create_secret(Name="search/login", SecretString=told(password=PLANTED))["ARN"]
    parameters.put_parameter(Name="/search/login", Type="SecureString", Value=told(password=PLANTED))
    parameter = parameters.get_parameter(Name="/search/login")["Parameter"]["ARN"]
    for arn in (secret, parameter):
        assert Settings.from_environment({"TRACEJOIN_OPENSEARCH_SECRET": arn}).opensearch_secret == arn
        assert read_login(arn).password == PLANTED
    secrets.put_secret_value(SecretId=secret, SecretString=told(password="another-one"))
    assert read_login(secret).password == "another-one"
