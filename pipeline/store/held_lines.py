"""Held lines: the log lines of one bulk body with their versions, so that `resolve` need not search for what `ship` has just written."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, Final, cast

import msgspec
from isal import isal_zlib

from pipeline.errors import BadInputError
from pipeline.store.own_documents import is_own
from pipeline.store.results import Hit

LARGEST: Final = 160_000
"""The largest body in bytes that travels in a hint: SQS takes 1 MiB a message, in base64, and bills each 64 KiB."""

_LONGEST: Final = 16 * 1024 * 1024
_UNREADABLE: Final = (msgspec.DecodeError, cast("type[Exception]", isal_zlib.error), EOFError, RecursionError)
_decoder = msgspec.json.Decoder()


class HeldLines(msgspec.Struct, frozen=True, rename="camel"):
    """The lines that one call of `ship` has written in one bulk body.

    Attributes:
        body: the bulk body, gzipped NDJSON: action and document in turn.
        versions: for each line its sequence number and primary term, None where its document is not the one in the body, or may not be.
        starts: the number of the first line of each batch of a log stream; no two batches follow each other without a gap for certain.
    """

    body: bytes
    versions: tuple[tuple[int, int] | None, ...]
    starts: tuple[int, ...] = (0,)

    def hits(self) -> list[Hit | None]:
        """Returns the lines in their order, None for one without a version. Raises BadInputError where these are no lines of `ship`."""
        if self.starts[:1] != (0,) or list(self.starts) != sorted(self.starts):
            raise BadInputError("the lines in a hint can't be read: their batches are in no order")
        try:
            lines = [_decoder.decode(line) for line in _unzipped(self.body).splitlines()[: 2 * len(self.versions)]]
            return [_hit(action, document, version)
                    for action, document, version in zip(lines[::2], lines[1::2], self.versions, strict=True)]  # fmt: skip
        except (*_UNREADABLE, KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInputError(f"the lines in a hint can't be read: {error}") from error

    def parts(self) -> Iterator[slice]:
        """Yields the lines of each batch of a log stream, as a slice."""
        for start, end in zip(self.starts, (*self.starts[1:], len(self.versions)), strict=True):
            yield slice(start, end)


def batch_digest(line_ids: Iterable[str]) -> str:
    """Names the lines of one trace that one call of `ship` wrote, by their documents' ids, in their order there."""
    return blake2b("\n".join(line_ids).encode(), digest_size=12).hexdigest()


def _unzipped(body: bytes) -> bytes:
    reader = isal_zlib.decompressobj(wbits=31)
    content: bytes = reader.decompress(body, _LONGEST)
    if not reader.eof:
        raise ValueError(f"they have more than {_LONGEST} bytes, or their end is missing")
    return content


def _hit(action: dict[str, dict[str, str]], document: dict[str, Any], version: tuple[int, int] | None) -> Hit | None:
    if version is None:
        return None
    if not is_own(document):
        raise ValueError("one of them is no line that tracejoin writes")
    address = action["create"]
    return Hit(index=str(address["_index"]), id=str(address["_id"]), source=document, seq_no=version[0], primary_term=version[1])
