"""Account reach: which clients are made to read the traces of another account; no call leaves the machine."""

import boto3
import pytest
from botocore.config import Config

from pipeline.errors import MisconfiguredError
from pipeline.model.places import Place
from pipeline.traces.sources.account_reach import AccountReach

HOME, MEMBER = Place("111111111111", "eu-west-1"), Place("222222222222", "ap-southeast-2")
ROLE = "arn:aws:iam::{account}:role/tracejoin-trace-reader"


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    """Credentials of the central account, and no endpoint of a local AWS."""
    for name, value in {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_STS_REGIONAL_ENDPOINTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def reach(made, home=HOME, **more):
    """A reach that keeps the clients of which it makes sources."""
    return AccountReach(home, made.append, config=Config(), **more)


def test_the_role_is_assumed_through_the_region_s_own_endpoint(monkeypatch):
    """Not through the global one, which is in one region, and whose credentials do not hold in all."""
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    made = []
    one = reach(made, role_arn=ROLE)
    one.source(MEMBER)
    one.source(MEMBER._replace(region="eu-central-1"))
    assert [client.meta.endpoint_url for client in made] == [
        "https://xray.ap-southeast-2.amazonaws.com", "https://xray.eu-central-1.amazonaws.com"]  # fmt: skip
    assert one._sts.meta.endpoint_url == "https://sts.eu-west-1.amazonaws.com"


def test_the_own_account_s_other_region_has_the_own_credentials():
    """No role is needed."""
    made = []
    reach(made).source(HOME._replace(region="us-east-1"))
    assert made[0].meta.endpoint_url == "https://xray.us-east-1.amazonaws.com"
    assert made[0]._request_signer._credentials.access_key == "a"


def test_what_is_home_is_seen_there_and_nobody_is_asked():
    """Neither is anybody asked where nothing tells the accounts apart: a laptop without a role knows no account of its own."""
    assert reach([]).is_seen(HOME)
    assert reach([], Place("", "eu-west-1")).is_seen(MEMBER)
    assert not reach([]).is_seen(MEMBER)


def test_without_a_role_there_is_no_way():
    """The error has the remedy."""
    with pytest.raises(MisconfiguredError, match="TraceReaderRoleArn"):
        reach([]).source(MEMBER)
