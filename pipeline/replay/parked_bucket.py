"""Parked bucket: the objects in which AWS keeps events that a function failed to process."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.replay.choice import Choice
from pipeline.replay.parked_record import MOST_BYTES, ParkedRecord, read_parked

_ABSENT: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_DENIED: Final = frozenset({"AccessDenied", "403", "Forbidden", "ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
_WRONG: Final = frozenset({"NoSuchBucket", "InvalidBucketName", "PermanentRedirect", "AuthorizationHeaderMalformed"})


class ParkedObject(msgspec.Struct, frozen=True):
    """An object of the bucket: its key, when it was written (UTC), and its size in bytes."""

    key: str
    at: datetime
    size: int


class ParkedBucket:
    """A bucket with parked events.

    Every method raises MisconfiguredError where the bucket is not there or refuses the caller, UnavailableError where S3 does not answer.

    Args:
        client: boto3's `s3` client.
        name: the bucket's name.
        prefix: the start of the keys that count.
        most_bytes: the largest object to read.
    """

    def __init__(self, client: Any, name: str, *, prefix: str = "", most_bytes: int = MOST_BYTES) -> None:
        self._client = client
        self.name = name
        self._most_bytes = most_bytes
        self._prefix = prefix

    def objects(self, choice: Choice, *, after: str = "") -> Iterator[ParkedObject]:
        """Yields the objects that are wanted, whatever their reason, in the order of their keys, behind the key ``after``.

        Lambda's keys name the day and the time, so that the oldest of each function come first.
        """
        if choice.ids:
            yield from (found for key in choice.keys if key > after and (found := self.find(key)))
            return
        # from the second page on the token says where to go on
        where = {"Bucket": self.name, "Prefix": self._prefix, **({"StartAfter": after} if after else {})}
        with self._mapped("s3:ListBucket"):
            for page in self._client.get_paginator("list_objects_v2").paginate(**where):
                for each in page.get("Contents", ()):
                    at = each["LastModified"].astimezone(UTC)
                    if (choice.since or at) <= at <= (choice.until or at):
                        yield ParkedObject(each["Key"], at, each["Size"])

    def find(self, key: str) -> ParkedObject | None:
        """The object with this key; None where there is none, or it is outside the prefix."""
        if not key.startswith(self._prefix):
            return None
        with self._mapped("s3:GetObject"):
            found = self._or_none(lambda: self._client.head_object(Bucket=self.name, Key=key))
        return ParkedObject(key, found["LastModified"].astimezone(UTC), found["ContentLength"]) if found else None

    def read(self, parked: ParkedObject) -> list[ParkedRecord] | None:
        """What an object holds; None where it is gone. Raises BadInputError where it can't be read, or is too large."""
        with self._mapped("s3:GetObject"):
            found = self._or_none(lambda: self._client.get_object(Bucket=self.name, Key=parked.key))
            if found is None:
                return None
            data: bytes = found["Body"].read(self._most_bytes + 1)
            found["Body"].close()
        return read_parked(data, most_bytes=self._most_bytes)

    def delete(self, parked: ParkedObject) -> None:
        """Deletes an object; one that is gone is no failure."""
        with self._mapped("s3:DeleteObject"):
            self._client.delete_object(Bucket=self.name, Key=parked.key)

    @staticmethod
    def _or_none(call: Any) -> Any:
        try:
            return call()
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise

    @contextmanager
    def _mapped(self, permission: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
            if code in _DENIED:
                raise MisconfiguredError([f"{permission} on the bucket {self.name} is denied ({message or code})"]) from error
            if code in _WRONG:
                raise MisconfiguredError(
                    [f"the bucket {self.name} can't be used ({message or code}): check its name and the region"]
                ) from error
            raise UnavailableError(f"S3 does not answer for the bucket {self.name}: {code}: {message}") from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise MisconfiguredError([f"AWS: {error}"]) from error
        except BotoCoreError as error:
            raise UnavailableError(f"S3 does not answer for the bucket {self.name}: {error}") from error
