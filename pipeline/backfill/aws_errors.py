"""AWS errors: what the errors of CloudWatch Logs and S3 mean for a backfill."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, PartialCredentialsError

from pipeline.errors import BadInputError, MisconfiguredError, TracejoinError, UnavailableError

_DENIED: Final = frozenset({
    "AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "ExpiredToken", "ExpiredTokenException",
    "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
})  # fmt: skip
_REFUSED: Final = frozenset({
    "InvalidParameterException", "ResourceNotFoundException", "ValidationException", "NoSuchBucket", "NoSuchKey", "InvalidObjectState",
    "InvalidBucketName", "PermanentRedirect", "AuthorizationHeaderMalformed",
})  # fmt: skip
_SETUP: Final = (NoCredentialsError, NoRegionError, PartialCredentialsError)


@contextmanager
def calling(action: str) -> Iterator[None]:
    """Maps what boto3 raises inside to our errors; ``action`` is the IAM action that the calls need.

    Raises MisconfiguredError without permission or credentials, BadInputError where the request itself is refused, else UnavailableError.
    """
    try:
        yield
    except ClientError as error:
        raise _mapped(error, action) from error
    except _SETUP as error:
        raise MisconfiguredError([f"AWS: {error}"]) from error
    except BotoCoreError as error:
        raise UnavailableError(f"{action} did not go through: {error}") from error


def _mapped(error: ClientError, action: str) -> TracejoinError:
    refusal = error.response.get("Error", {})
    code, message = refusal.get("Code", ""), refusal.get("Message", "")
    if code in _DENIED:
        return MisconfiguredError([f"{action} is denied ({code}: {message}): use credentials that have this permission"])
    kind = BadInputError if code in _REFUSED else UnavailableError
    return kind(f"{action}: {code}: {message}")
