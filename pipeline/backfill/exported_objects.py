"""Exported objects: finds the objects of an export of CloudWatch Logs in S3, each with its log stream, and reads them as portions.

The key of an object ends with the export task, the log stream and a number: `PREFIX/TASK/2026-11-24-[$LATEST]0123…/000000.gz`. In the name
of the log stream each `/` has become a `-`. A Lambda function's stream shows where they were; for others CloudWatch Logs is asked.
"""

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, Any, Final, cast
from urllib.parse import urlsplit

from pipeline.backfill.aws_errors import calling
from pipeline.backfill.exported_events import chunks, exported_events
from pipeline.backfill.log_group_names import ChosenLogGroup
from pipeline.backfill.portion import Portion, Window
from pipeline.errors import BadInputError, TracejoinError

_OBJECT: Final = re.compile(r"(?:.*/)?([^/]+)/(\d{1,20})\.gz")
_LAMBDA: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)-([^/]*\[[^\]/]+\][0-9a-f]{32})", re.ASCII)
_LONGEST_LINE: Final = 8 * 1024 * 1024


class ObjectPortion:
    """One object of an export; a position is the number of chunks of it that are done.

    Args:
        group: the log group that was exported.
        client: boto3's `s3` client.
        bucket: the bucket.
        key: the key of the object.
        log_stream: the log stream of its events.
        size: its bytes, compressed.
        since: the time of the first event to take, milliseconds since the epoch.
        until: that of the last one.
    """

    def __init__(self, group: ChosenLogGroup, client: Any, *, bucket: str, key: str, log_stream: str, size: int, since: int,
                 until: int) -> None:  # fmt: skip
        self._group = group
        self._client = client
        self._bucket = bucket
        self._stream = log_stream
        self._since = since
        self._until = until
        self.key = key
        self.weight = float(max(size, 1))

    def windows(self, position: int) -> Iterator[Window]:
        """As `Portion.windows`; where the object ends in the middle, what comes before is read."""
        with calling("s3:GetObject"):
            body = _Counted(self._client.get_object(Bucket=self._bucket, Key=self.key)["Body"])
        problems: list[str] = []
        events = (event for event in exported_events(_lines(body, problems), self.key) if self._since <= event["timestamp"] <= self._until)
        done = max(position, 0)
        for count, chunk in enumerate(islice(chunks(events), done, None), done + 1):
            document = {"messageType": "DATA_MESSAGE", "owner": self._group.account, "logGroup": self._group.name,
                        "logStream": self._stream, "logEvents": chunk}  # fmt: skip
            # after a problem it may lack events, and is to be read again
            yield Window(documents=[document], position=count - bool(problems), share=min(body.count / self.weight, 1.0))
        if problems:
            raise BadInputError(f"s3://{self._bucket}/{self.key} is not readable gzip: {problems[0]}")


class _Counted:
    """A response body of boto3 that counts its bytes."""

    def __init__(self, body: IO[bytes]) -> None:
        self._body = body
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        data = self._body.read(size)
        self.count += len(data)
        return data


def _lines(body: _Counted, problems: list[str]) -> Iterator[str]:
    """The lines of a gzipped text; where it can't be read any further, ``problems`` says why."""
    try:
        with calling("s3:GetObject"), gzip.GzipFile(fileobj=cast("IO[bytes]", body)) as file:
            while line := file.readline(_LONGEST_LINE):
                yield line.decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error) as error:
        problems.append(str(error))


def object_portions(url: str, group: ChosenLogGroup, *, s3: Any, logs: Any, since: int, until: int) -> tuple[list[Portion], list[str]]:
    """Finds the objects below ``url``, such as `s3://bucket/exportedlogs/TASK`.

    Args:
        url: bucket and prefix of the export.
        group: the log group that was exported, which the objects do not name.
        s3: boto3's `s3` client.
        logs: boto3's `logs` client, which knows the names of log streams.
        since: the time of the first event to take, milliseconds since the epoch.
        until: that of the last one.

    Returns a portion for each object, and in words what could not be told for sure. Raises BadInputError where there is no such object.
    """
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment:
        raise BadInputError(f"{url!r} is no place in S3: expected s3://BUCKET/PREFIX")
    names = _StreamNames(group, logs)
    found: list[Portion] = [
        ObjectPortion(group, s3, bucket=parts.netloc, key=key, log_stream=names.of(match[1]), size=size, since=since, until=until)
        for key, size in _listed(s3, parts.netloc, parts.path.lstrip("/")) if (match := _OBJECT.fullmatch(key))
    ]  # fmt: skip
    if not found:
        raise BadInputError(f"there is no exported object below {url}: expected keys such as TASK/LOG-STREAM/000000.gz")
    return found, names.doubts


def _listed(s3: Any, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
    with calling("s3:ListBucket"):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from ((entry["Key"], entry["Size"]) for entry in page.get("Contents", ()))


class _StreamNames:
    """Gives the log stream back the slashes of its name."""

    def __init__(self, group: ChosenLogGroup, logs: Any) -> None:
        self._group = group
        self._logs = logs
        self._known: dict[str, dict[str, list[str]]] = {}
        self._told: dict[str, str] = {}
        self.doubts: list[str] = []

    def of(self, folder: str) -> str:
        if folder not in self._told:
            self._told[folder] = self._name(folder)
        return self._told[folder]

    def _name(self, folder: str) -> str:
        if match := _LAMBDA.fullmatch(folder):
            return "/".join(match.groups())
        start, dash, _ = folder.partition("-")
        if not dash:
            return folder
        names = self._streams(start).get(folder, [])
        if len(names) == 1:
            return names[0]
        several = f"may be {' or '.join(names)}" if names else "is unknown to CloudWatch Logs"
        self.doubts.append(f"the log stream exported as {folder} {several}: its lines are taken as those of {(names or [folder])[0]}")
        return names[0] if names else folder

    def _streams(self, start: str) -> dict[str, list[str]]:
        """The log streams whose names begin with ``start``, by what an export makes of them."""
        if start not in self._known:
            found: dict[str, list[str]] = {}
            try:
                for name in self._described(start):
                    found.setdefault(name.replace("/", "-"), []).append(name)
            except TracejoinError as error:
                self.doubts.append(str(error))
            self._known[start] = found
        return self._known[start]

    def _described(self, start: str) -> Iterable[str]:
        with calling("logs:DescribeLogStreams"):
            pages = self._logs.get_paginator("describe_log_streams").paginate(**self._group.identifier, logStreamNamePrefix=start)
            for page in pages:
                yield from (stream["logStreamName"] for stream in page["logStreams"])
