"""Dead letters: stores events that can't be shipped as they are, each with its reason, for a person to look at.

A letter whose event is indexed later, after somebody shipped it again, goes away with the next sweep.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from itertools import chain
from typing import Any, Final

import msgspec

from pipeline.errors import UnavailableError
from pipeline.logs.decode import LogBatch, UnreadableRecord
from pipeline.logs.document_address import aws_of, daily_index, outside_index
from pipeline.model.index_days import OUTSIDE
from pipeline.redact.redactor import Redactor
from pipeline.store.client import Store
from pipeline.store.log_writer import RejectedDocument
from pipeline.store.pages import pages

# OpenSearch takes 100 MiB a request; a Lambda event holds 6 MB at most
_LONGEST = 1024 * 1024
_PAGE: Final = 500
# a sweep looks at the newest letters
_MOST_PAGES: Final = 10


class DeadLetter(msgspec.Struct, frozen=True):
    """An event that cannot be shipped: its document, and an id that is the same at each redelivery, so that it is stored once."""

    id: str
    document: dict[str, object]


def of_document(rejected: RejectedDocument) -> DeadLetter:
    """Makes the dead letter of a log event that OpenSearch rejects in any form."""
    line = rejected.line
    address = rejected.action.create
    document: dict[str, object] = {"@timestamp": line.timestamp, "reason": rejected.reason, "aws": aws_of(line), "eventId": line.event_id,
                "index": address.index, "document": line.body}  # fmt: skip
    return DeadLetter(address.id, document)


def of_span(index: str, id_: str, content: str, reason: str, at: str) -> DeadLetter:
    """Makes the dead letter of the span document with this address that OpenSearch rejects in any form; ``at`` is an ISO 8601 time."""
    return DeadLetter(id_, {"@timestamp": at, "reason": reason, "eventId": id_, "index": index, "document": content})


def of_event(batch: LogBatch, record: UnreadableRecord, at: str, redactor: Redactor) -> DeadLetter:
    """Makes the dead letter of an entry in ``batch`` that is no log event, without its secrets; ``at`` is an ISO 8601 time."""
    aws = {"accountId": batch.owner, "logGroup": batch.log_group, "logStream": batch.log_stream}
    return _of_record(record, {"@timestamp": at, "aws": aws}, redactor)


def of_envelope(record: UnreadableRecord, at: str, redactor: Redactor) -> DeadLetter:
    """Makes the dead letter of a record that is no CloudWatch Logs document, like `of_event`; compressed content stays as it is."""
    return _of_record(record, {"@timestamp": at}, redactor)


def write_dead_letters(letters: Iterable[DeadLetter], store: Store) -> None:
    """Writes ``letters``, each once. Raises UnavailableError where one could not be written, so that none is lost."""
    lines: list[object] = []
    for letter in letters:
        lines.append({"create": {"_index": f"{store.prefix}-dead-letters", "_id": letter.id}})
        lines.append(letter.document)
    failed = [result for result in store.write(lines) if not result.ok and not result.conflict]
    if failed:
        raise UnavailableError(f"{len(failed)} dead letters could not be written: {failed[0].reason}")


def forget_indexed(store: Store) -> int:
    """Deletes the dead letters of events that are indexed by now; returns how many. It sees only refreshed letters, the newest ones.

    Raises UnavailableError where OpenSearch can't be searched, or can't read an index of these events.
    """
    index = f"{store.prefix}-dead-letters"
    # what could not be decoded has no event's id, and is never indexed
    newest_first = [{"@timestamp": {"order": "desc", "unmapped_type": "date_nanos"}}, {"_id": "asc"}]
    body = {"query": {"exists": {"field": "eventId"}}, "sort": newest_first, "_source": ["@timestamp", "index"]}
    indexed: list[str] = []
    for number, page in enumerate(pages(store, body, index=index, size=_PAGE, frozen=False), 1):
        places = {letter["_id"]: _places(letter["_id"], letter["_source"], store.prefix) for letter in page}
        stored = {(hit.index, hit.id) for hit in store.get_many(list(chain(*places.values())), source=("doc.kind",)) if hit}
        indexed += [id_ for id_, addresses in places.items() if stored.intersection(addresses)]
        if number == _MOST_PAGES:
            break
    return sum(result.ok for result in store.write([{"delete": {"_index": index, "_id": id_}} for id_ in indexed]))


def _places(id_: str, letter: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    """The addresses that the event of a letter may be indexed at: that of its time, and that of all times outside the bounds."""
    index = str(letter.get("index") or daily_index(prefix, str(letter.get("@timestamp"))))
    outside = f"{prefix}-spans-{OUTSIDE}" if index.startswith(f"{prefix}-spans-") else outside_index(prefix)
    of_day = [] if index.startswith(f"{prefix}-spans-") else [daily_index(prefix, str(letter.get("@timestamp")))]
    return [(place, id_) for place in dict.fromkeys((index, *of_day, outside))]


def _of_record(record: UnreadableRecord, document: dict[str, object], redactor: Redactor) -> DeadLetter:
    # the id follows from the content before redaction: a redelivery has the same one after the redaction settings change
    id_ = blake2b(f"{record.reason}\0{record.content}".encode("utf-8", "replace"), digest_size=16).hexdigest()
    reason = f"{record.where}: {record.reason}"
    return DeadLetter(id_, document | {"reason": reason, "document": redactor.text(record.content)[:_LONGEST]})
