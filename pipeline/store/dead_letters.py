"""Dead letters: stores events that can't be shipped as they are, each with its reason, for a person to look at.

A letter whose event is indexed later, after somebody shipped it again, goes away: `pipeline.store.stored_letters`.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import msgspec

from pipeline.errors import UnavailableError
from pipeline.logs.decode import LogBatch, UnreadableRecord
from pipeline.logs.document_address import aws_of
from pipeline.redact.redactor import Redactor
from pipeline.store.client import Store
from pipeline.store.log_writer import RejectedDocument

# OpenSearch takes 100 MiB a request; a Lambda event holds 6 MB at most
LONGEST: Final = 1024 * 1024
"""The most characters of an unreadable record that a letter keeps."""


class DeadLetter(msgspec.Struct, frozen=True):
    """An event that cannot be shipped: its document, and an id that is the same at each redelivery, so that it is stored once."""

    id: str
    document: dict[str, object]


def of_document(rejected: RejectedDocument) -> DeadLetter:
    """Makes the dead letter of a log event that OpenSearch rejects in any form."""
    line = rejected.line
    address = rejected.action.create
    # as it was written, so that a replay reads all of it again
    written = line.original or line.body
    document: dict[str, object] = {"@timestamp": line.timestamp, "reason": rejected.reason, "aws": aws_of(line), "eventId": line.event_id,
                "index": address.index, "document": written}  # fmt: skip
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


def _of_record(record: UnreadableRecord, document: dict[str, object], redactor: Redactor) -> DeadLetter:
    # the id follows from the content before redaction: a redelivery has the same one after the redaction settings change
    id_ = blake2b(f"{record.reason}\0{record.content}".encode("utf-8", "replace"), digest_size=16).hexdigest()
    reason = f"{record.where}: {record.reason}"
    return DeadLetter(id_, document | {"reason": reason, "document": redactor.text(record.content)[:LONGEST]})
