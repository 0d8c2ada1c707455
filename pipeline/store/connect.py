"""Connect: makes a Store of an endpoint and credentials, or a ServerlessStore for a collection of OpenSearch Serverless."""

import ssl
from typing import Any, Literal
from urllib.parse import urlsplit

from opensearchpy import OpenSearch, Urllib3AWSV4SignerAuth

from pipeline.errors import MisconfiguredError
from pipeline.model.service_url import endpoint_url, keeps_a_password
from pipeline.store.client import Store
from pipeline.store.json_serializer import MsgspecSerializer
from pipeline.store.login import FixedLogin, Login, SecretLogin

_TIMEOUT = 30


def connect(
    endpoint: str,
    *,
    prefix: str,
    service: Literal["", "es", "aoss"] = "",
    region: str = "",
    username: str = "",
    password: str = "",
    secret: str = "",
    tls: ssl.SSLContext | None = None,
) -> Store:
    """Makes a Store for ``endpoint``; no request is sent yet, and no secret read.

    Args:
        endpoint: the URL of OpenSearch.
        prefix: the start of every index name.
        service: the name of Amazon's service, as SigV4 spells it; empty for a self-managed cluster.
        region: the AWS region that requests are signed for.
        username: for basic authentication; empty for SigV4 with ``service``, or for no authentication without it.
        password: the password of this user.
        secret: the ARN of the secret that holds both instead (`pipeline.store.secret`).
        tls: how the server's certificate is checked, where ``endpoint`` has https; None for the authorities that the system trusts.

    Raises MisconfiguredError where ``endpoint`` is no URL, holds a login, or would be sent one by plain http, and where requests have to
    be signed, and credentials or the region are missing.
    """
    login = _login(username, password, secret)
    url = _checked(endpoint, has_login=login is not None)
    parts = urlsplit(url)
    # opensearch-py takes one for https alone
    with_tls: dict[str, Any] = {"ssl_context": tls} if tls and parts.scheme == "https" else {}
    client = OpenSearch(
        hosts=[url],
        http_auth=login or (_signer(parts.hostname or "", service, region) if service else None),
        timeout=_TIMEOUT,
        # log_writer counts and paces its own retries
        max_retries=0,
        serializer=MsgspecSerializer(),
        **with_tls,
    )
    return _kind(service)(client, endpoint=url, prefix=prefix, login=login)


def _login(username: str, password: str, secret: str) -> FixedLogin | SecretLogin | None:
    if secret:

        def read() -> Login:
            # imported here: few deployments have one
            from pipeline.store.secret import read_login  # noqa: PLC0415

            return read_login(secret)

        return SecretLogin(read)
    return FixedLogin(Login(username=username, password=password)) if username else None


def _checked(endpoint: str, *, has_login: bool) -> str:
    try:
        url = endpoint_url(endpoint)
    except ValueError as error:
        raise MisconfiguredError([f"the endpoint {error}"]) from None
    if has_login and not keeps_a_password(url):
        raise MisconfiguredError([f"{url} is plain http to another computer, and would show the password on the way: use https"])
    return url


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
