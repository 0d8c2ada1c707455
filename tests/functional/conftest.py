"""What the tests of X-Ray's sources share."""

import boto3
import pytest
from botocore.config import Config


@pytest.fixture
def client(xray):
    """boto3's client for the test's own local X-Ray, without retries."""
    client = boto3.client("xray", region_name="eu-west-1", endpoint_url=xray.endpoint, aws_access_key_id="a", aws_secret_access_key="b",
                          config=Config(retries={"total_max_attempts": 1}))  # fmt: skip
    yield client
    client.close()
