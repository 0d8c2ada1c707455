from urllib.parse import urlsplit

from opensearchpy import OpenSearch, Urllib3AWSV4SignerAuth

from pipeline.errors import MisconfiguredError
from pipeline.settings import Settings
from pipeline.store.client import Store

_TIMEOUT = 30


def connect(settings: Settings) -> Store:
    """A store for ``settings``: SigV4 for Amazon's services, basic authentication where a user name is set."""
    parts = urlsplit(settings.endpoint)
    client = OpenSearch(
        hosts=[settings.endpoint],
        http_auth=_credentials(settings, parts.hostname or ""),
        timeout=_TIMEOUT,
        # `index` counts and paces its own retries
        max_retries=0,
    )
    return _kind(settings)(client, endpoint=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", prefix=settings.prefix)


def _kind(settings: Settings) -> type[Store]:
    if settings.service != "aoss":
        return Store
    # imported here: it builds on this module, and few need it
    from pipeline.store.serverless import ServerlessStore  # noqa: PLC0415

    return ServerlessStore


def _credentials(settings: Settings, host: str) -> object:
    if settings.username:
        return (settings.username, settings.password)
    if not settings.service:
        return None
    import botocore.session  # noqa: PLC0415  # 100 ms that only Amazon's endpoints need

    credentials = botocore.session.get_session().get_credentials()
    if credentials is None or not settings.region:
        raise MisconfiguredError([f"{host} is Amazon's: AWS credentials and AWS_REGION are needed to sign requests"])
    return Urllib3AWSV4SignerAuth(credentials, settings.region, settings.service)
