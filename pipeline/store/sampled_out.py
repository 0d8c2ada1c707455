"""Sampled out: what the record of a trace says of its lines and spans that were deleted since it was healthy.

It is the ledger of these deletions: each line counts once, however often it comes again or a deletion is begun anew. So it keeps a
digest of each document's id.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec
import pybase64

from pipeline.model.timestamps import iso_millis, millis_of

_DIGEST: Final = 8


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """One document that is deleted, or is about to be.

    Attributes:
        digest: of its id.
        is_line: whether it is a log line; else it is a span.
        size: its length as JSON, in bytes.
    """

    digest: bytes
    is_line: bool
    size: int


class SampledOut(msgspec.Struct, frozen=True, kw_only=True):
    """The lines and spans of a trace that were deleted, or are being deleted.

    Attributes:
        at: when that began first (epoch milliseconds, UTC).
        reason: the share that they were not in, in words.
        lines: the digests of the lines' ids.
        spans: the digests of the spans' ids.
        size: the length of all of them as JSON, in bytes.
        open: whether some may be stored still: the deletion is under way, or was interrupted.
    """

    at: int
    reason: str = ""
    lines: frozenset[bytes] = frozenset()
    spans: frozenset[bytes] = frozenset()
    size: int = 0
    open: bool = False

    def with_gone(self, documents: Iterable[Gone]) -> "SampledOut":
        """Returns this with more documents, open; those that it counts already are not counted again."""
        fresh = {each.digest: each for each in documents if each.digest not in self.lines | self.spans}
        return self._with(fresh, self.lines.union, self.spans.union, sign=1)

    def without(self, documents: Iterable[Gone]) -> "SampledOut":
        """Returns this, open, without documents that are stored after all."""
        stored = {each.digest: each for each in documents if each.digest in self.lines | self.spans}
        return self._with(stored, self.lines.difference, self.spans.difference, sign=-1)

    def _with(self, documents: Mapping[bytes, Gone], lines: Any, spans: Any, *, sign: int) -> "SampledOut":
        size = self.size + sign * sum(each.size for each in documents.values())
        return msgspec.structs.replace(
            self,
            lines=lines(digest for digest, each in documents.items() if each.is_line),
            spans=spans(digest for digest, each in documents.items() if not each.is_line),
            size=max(size, 0),
            open=True,
        )


def digest_of(id_: str) -> bytes:
    """Returns the digest of a document's id."""
    return blake2b(id_.encode("utf-8", "replace"), digest_size=_DIGEST).digest()


def sampled_out_document(sampled_out: SampledOut, log_streams: Iterable[str] = ()) -> dict[str, Any]:
    """Makes the field of the trace's document; of the digests nothing is indexed.

    ``log_streams`` are the addresses of those in which the trace's requests ran: a line that comes late finds the trace by them, since
    the line in which its invocation began is gone.
    """
    return {
        "at": iso_millis(sampled_out.at),
        "reason": sampled_out.reason,
        "lines": len(sampled_out.lines),
        "spans": len(sampled_out.spans),
        "bytes": sampled_out.size,
        "open": sampled_out.open,
        "logStreams": list(log_streams),
        "digests": {"lines": _packed(sampled_out.lines), "spans": _packed(sampled_out.spans)},
    }


def read_sampled_out(document: Mapping[str, Any] | None) -> SampledOut | None:
    """Reads the field of a trace's document; None where it has none."""
    if not document:
        return None
    digests = document.get("digests") or {}
    return SampledOut(
        at=millis_of(document["at"]),
        reason=str(document.get("reason") or ""),
        lines=_unpacked(digests.get("lines") or ""),
        spans=_unpacked(digests.get("spans") or ""),
        size=int(document.get("bytes") or 0),
        open=bool(document.get("open")),
    )


def _packed(digests: Iterable[bytes]) -> str:
    return pybase64.b64encode(b"".join(sorted(digests))).decode()


def _unpacked(text: str) -> frozenset[bytes]:
    raw = pybase64.b64decode(text)
    return frozenset(raw[start : start + _DIGEST] for start in range(0, len(raw), _DIGEST))
