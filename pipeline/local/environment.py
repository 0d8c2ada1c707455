"""Environment: what local processes and clients see. Nothing of the user's AWS settings, so that no call leaves this machine."""

import os
import urllib.request
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import boto3
import botocore.session
from botocore.config import Config

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-west-1"
# local servers are reached without the user's proxies
local_open: Final = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
_KEPT: Final = frozenset({"HOME", "LANG", "PATH", "TMPDIR", "VIRTUAL_ENV"})
_KEPT_STARTS: Final = ("COV_", "COVERAGE_", "LC_", "PYTHON")
_KEY: Final = "local"
_OWN: Final = {
    "AWS_ACCESS_KEY_ID": _KEY, "AWS_SECRET_ACCESS_KEY": _KEY, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true",
}  # fmt: skip


def local_environment(own: Mapping[str, str]) -> dict[str, str]:
    """The environment variables of a local process: those that Python needs, fake credentials, and ``own``."""
    kept = {key: value for key, value in os.environ.items() if key in _KEPT or key.startswith(_KEPT_STARTS)}
    return {**kept, **_OWN, **own}


def local_client(service: str, endpoint: str) -> Any:
    """The boto3 client for a service at a local endpoint, without the user's profile, proxies and endpoints."""
    return _session().client(service, endpoint_url=endpoint, config=Config(proxies={}))


@cache
def _session() -> boto3.Session:
    # one session for all: each would load botocore's models again
    nothing = (None, None, None, None)
    files = (None, None, os.devnull, None)
    session = botocore.session.Session({"profile": nothing, "config_file": files, "credentials_file": files})
    return boto3.Session(_KEY, _KEY, region_name=REGION, botocore_session=session)
