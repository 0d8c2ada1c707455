"""Read secret: reads the text of a secret in AWS Secrets Manager or SSM Parameter Store.

Sources: AWS Secrets Manager API reference, GetSecretValue; AWS Systems Manager API reference, GetParameter.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pipeline.errors import MisconfiguredError, TracejoinError, UnavailableError

_PASSING: Final = frozenset({"ThrottlingException", "InternalServiceError", "InternalServerError", "ServiceUnavailable", "RequestTimeout"})
_SERVER_ERROR: Final = 500
_LONGEST: Final = 300


def read_secret(arn: str, holds: str) -> object:
    """Returns what the secret ``arn`` holds, with the credentials and in the account that botocore finds.

    Args:
        arn: of a secret of Secrets Manager with a SecretString, or of a SecureString parameter of SSM.
        holds: what it is expected to hold, such as `the login for OpenSearch`, for the words of errors.

    Returns its text; something else where it holds no text. Raises UnavailableError where the service does not answer or throttles,
    MisconfiguredError where it refuses. No error holds any of the value.
    """
    # imported here: few environments need them, and a cold start with them pays some 100 ms
    import botocore.session  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError  # noqa: PLC0415

    service, region = arn.split(":")[2:4]
    config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
    try:
        client = botocore.session.get_session().create_client(service, region_name=region, config=config)
        with _unlogged():
            if service == "secretsmanager":
                return client.get_secret_value(SecretId=arn).get("SecretString")
            parameter = client.get_parameter(Name=arn, WithDecryption=True)["Parameter"]
    except ClientError as error:
        raise _refused(arn, holds, error.response) from None
    except NoCredentialsError:
        raise MisconfiguredError([f"no AWS credentials to read {arn} with, which holds {holds}"]) from None
    except BotoCoreError as error:
        # only its type: some of these quote the answer
        reason = f"{service} does not answer ({type(error).__name__}): a function in a VPC needs a way to it"
        raise UnavailableError(f"{arn}, which holds {holds}, can't be read: {reason}") from None
    if parameter.get("Type") != "SecureString":
        raise MisconfiguredError(
            [f"{arn} is a parameter of type {parameter.get('Type')}: it must be a SecureString, since it holds {holds}"]
        )
    return parameter.get("Value")


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keeps botocore from logging the response, which it does at the level DEBUG."""
    parsers = logging.getLogger("botocore.parsers")
    before, parsers.disabled = parsers.disabled, True
    try:
        yield
    finally:
        parsers.disabled = before


def _refused(arn: str, holds: str, response: Any) -> TracejoinError:
    error, status = response.get("Error", {}), response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    text = f"{arn}, which holds {holds}, can't be read: {error.get('Code')}: {str(error.get('Message'))[:_LONGEST]}"
    return UnavailableError(text) if error.get("Code") in _PASSING or status >= _SERVER_ERROR else MisconfiguredError([text])
