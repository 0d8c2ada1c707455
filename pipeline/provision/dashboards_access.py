"""Dashboards access: lets requests into Dashboards as they are let into OpenSearch: by its login, or by a signature of Amazon's.

Source: Amazon OpenSearch Service developer guide, "Signing HTTP requests": `_dashboards` is behind a domain's access policy like the rest.
"""

from collections.abc import Callable

from pipeline.errors import MisconfiguredError
from pipeline.provision.dashboards import Headers
from pipeline.store.login import Login


class BasicLogin:
    """HTTP basic authentication; ``read`` returns the login, and is called for each request."""

    def __init__(self, read: Callable[[], Login]) -> None:
        self._read = read

    def headers(self, method: str, url: str, body: bytes, headers: Headers) -> Headers:
        """Returns ``headers`` with the login. Raises what reading it raises."""
        del method, url, body
        return {**headers, "authorization": self._read().header()}


class Signature:
    """Amazon's signature, version 4, with the credentials that botocore finds.

    Args:
        service: as SigV4 names it: es or aoss.
        region: the AWS region.
    """

    def __init__(self, service: str, region: str) -> None:
        self._service = service
        self._region = region

    def headers(self, method: str, url: str, body: bytes, headers: Headers) -> Headers:
        """Returns ``headers`` with the signature. Raises MisconfiguredError without credentials or a region."""
        # 100 ms that only Amazon's endpoints need
        import botocore.session  # noqa: PLC0415
        from botocore.auth import SigV4Auth  # noqa: PLC0415
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        credentials = botocore.session.get_session().get_credentials()
        if credentials is None or not self._region:
            raise MisconfiguredError(["AWS credentials and AWS_REGION are needed to sign requests"])
        request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
        SigV4Auth(credentials.get_frozen_credentials(), self._service, self._region).add_auth(request)
        return dict(request.headers.items())


def login_of(username: str, password: str, secret: str) -> BasicLogin:
    """Makes the access by a user's password, or by the login in a secret, which is read with the first request."""
    if not secret:
        return BasicLogin(lambda: Login(username=username, password=password))
    kept: list[Login] = []

    def read() -> Login:
        if not kept:
            # imported here: few deployments have one
            from pipeline.store.secret import read_login  # noqa: PLC0415

            kept.append(read_login(secret))
        return kept[0]

    return BasicLogin(read)
