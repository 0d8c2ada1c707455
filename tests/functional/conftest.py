"""What functional tests share: a local AWS, and a client of the local X-Ray."""

import boto3
import pytest
from botocore.config import Config

from pipeline.local.ministack import local_aws
from tests.support.documents import indexed
from tests.support.events import OTHER, lambda_event, powertools, report, start
from tests.support.paths import UNMEASURED
from tests.support.secrets import Vault, told


@pytest.fixture(scope="session")
def aws():
    """The endpoint of a local AWS."""
    with local_aws(UNMEASURED) as endpoint:
        yield endpoint


@pytest.fixture
def vault(monkeypatch):
    """Secrets Manager and SSM with the planted login, for the clients of this test."""
    with Vault(told()) as server:
        for name, value in server.variables().items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def client(xray):
    """boto3's client for the test's own local X-Ray, without retries."""
    client = boto3.client("xray", region_name="eu-west-1", endpoint_url=xray.endpoint, aws_access_key_id="a", aws_secret_access_key="b",
                          config=Config(retries={"total_max_attempts": 1}))  # fmt: skip
    yield client
    client.close()


@pytest.fixture
def orders(store, settings):
    """Two traces: one that several ids name, and another."""
    indexed(lambda_event([start(), powertools("paid", correlation_id="c-9"), report()]), store, settings)
    indexed(
        lambda_event([powertools("sent", trace=OTHER, request="11111111-2182-454f-963f-5f0f9a621d72", correlation_id="c-10")], first=100),
        store,
        settings,
    )
    return store
