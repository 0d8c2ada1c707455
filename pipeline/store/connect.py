"""Connect: makes a Store of an endpoint and credentials, or a ServerlessStore for a collection of OpenSearch Serverless."""

from typing import Literal
from urllib.parse import urlsplit

from opensearchpy import OpenSearch, Urllib3AWSV4SignerAuth

from pipeline.errors import MisconfiguredError
from pipeline.store.client import Store

_TIMEOUT = 30


def connect(
    endpoint: str,
    *,
    prefix: str,
    service: Literal["", "es", "aoss"] = "",
    region: str = "",
    username: str = "",
    password: str = "",
) -> Store:
    """Makes a Store for ``endpoint``; no request is sent yet.

    Args:
        endpoint: the URL of OpenSearch.
        prefix: the start of every index name.
        service: the name of Amazon's service, as SigV4 spells it; empty for a self-managed cluster.
        region: the AWS region that requests are signed for.
        username: for basic authentication; empty for SigV4 with ``service``, or for no authentication without it.
        password: the password of this user.

    Raises MisconfiguredError where requests have to be signed, and credentials or the region are missing.
    """
    parts = urlsplit(endpoint)
    credentials = (username, password) if username else _signer(parts.hostname or "", service, region) if service else None
    client = OpenSearch(
        hosts=[endpoint],
        http_auth=credentials,
        timeout=_TIMEOUT,
        # log_writer counts and paces its own retries
        max_retries=0,
    )
    return _kind(service)(client, endpoint=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", prefix=prefix)


def _kind(service: str) -> type[Store]:
    if service != "aoss":
        return Store
    # imported here: few deployments need it
    from pipeline.store.serverless import ServerlessStore  # noqa: PLC0415

    return ServerlessStore


def _signer(host: str, service: str, region: str) -> Urllib3AWSV4SignerAuth:
    import botocore.session  # noqa: PLC0415  # 100 ms that only Amazon's endpoints need

    credentials = botocore.session.get_session().get_credentials()
    if credentials is None or not region:
        raise MisconfiguredError([f"{host} is Amazon's: AWS credentials and AWS_REGION are needed to sign requests"])
    return Urllib3AWSV4SignerAuth(credentials, region, service)
