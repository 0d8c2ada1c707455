"""Dead letters: what can never be shipped is kept, with its reason, where a person finds it."""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from pipeline.errors import UnavailableError
from pipeline.logs.decode import LogBatch, UnreadableRecord
from pipeline.logs.document_address import aws_of
from pipeline.redact.redactor import Redactor
from pipeline.store.client import Store
from pipeline.store.log_writer import RejectedDocument

# OpenSearch takes 100 MiB a request; a Lambda event holds 6 MB at most
_LONGEST = 1024 * 1024


class DeadLetter(msgspec.Struct, frozen=True):
    """One thing that could not be shipped: its id, so that a redelivery keeps it once, and its document."""

    id: str
    document: dict[str, object]


def of_document(refused: RejectedDocument) -> DeadLetter:
    """The dead letter of a log event that OpenSearch refuses in any form."""
    line = refused.line
    document: dict[str, object] = {"@timestamp": line.timestamp, "reason": refused.reason, "aws": aws_of(line), "eventId": line.event_id,
                "document": line.body}  # fmt: skip
    return DeadLetter(refused.action.create.id, document)


def of_event(batch: LogBatch, record: UnreadableRecord, at: str, redactor: Redactor) -> DeadLetter:
    """The dead letter of an entry in ``batch`` that is no log event, without what is secret in it; ``at`` is an ISO time."""
    aws = {"accountId": batch.owner, "logGroup": batch.log_group, "logStream": batch.log_stream}
    return _of_record(record, {"@timestamp": at, "aws": aws}, redactor)


def of_envelope(record: UnreadableRecord, at: str, redactor: Redactor) -> DeadLetter:
    """The dead letter of a record that is no CloudWatch Logs document, as `of_event` makes it. What came packed stays packed."""
    return _of_record(record, {"@timestamp": at}, redactor)


def write_dead_letters(letters: Iterable[DeadLetter], store: Store) -> None:
    """Writes ``letters``, each once. Raises UnavailableError where one could not be written: nothing may be lost."""
    lines: list[object] = []
    for letter in letters:
        lines.append({"create": {"_index": f"{store.prefix}-dead-letters", "_id": letter.id}})
        lines.append(letter.document)
    failed = [result for result in store.write(lines) if not result.ok and not result.conflict]
    if failed:
        raise UnavailableError(f"{len(failed)} dead letters could not be written: {failed[0].reason}")


def _of_record(record: UnreadableRecord, document: dict[str, object], redactor: Redactor) -> DeadLetter:
    # of what came, so that a redelivery finds it whatever is secret by then
    id_ = blake2b(f"{record.reason}\0{record.content}".encode("utf-8", "replace"), digest_size=16).hexdigest()
    reason = f"{record.where}: {record.reason}"
    return DeadLetter(id_, document | {"reason": reason, "document": redactor.text(record.content)[:_LONGEST]})
