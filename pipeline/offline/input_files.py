"""Input files: reads subscription events or log lines from a file, in any of the forms in which they are saved."""

import json
from collections.abc import Iterable
from typing import Any

from pipeline.errors import BadInputError
from pipeline.logs.decode import LogBatch, LogEvent, decode_event
from pipeline.model.json_values import as_text

_ENVELOPES = ("awslogs", "logEvents", "messageType")


def read_events(data: bytes) -> list[object]:
    """The subscription events in a file: one, an array of them, or one per line.

    Raises BadInputError where the file holds something else.
    """
    content = _json(data)
    if content is not None:
        found = content if isinstance(content, list) else [content]
    else:
        found = [_json(line) for line in data.splitlines() if line.strip()]
    if not found or not all(is_event(event) for event in found):
        raise BadInputError(
            'no subscription event in it: expected {"awslogs": …}, Kinesis Records, Firehose records, or the decoded'
            " document with logEvents"
        )
    return found


def is_event(content: object) -> bool:
    """Whether ``content`` looks like a subscription event that `decode_event` reads."""
    if not isinstance(content, dict):
        return False
    if any(key in content for key in _ENVELOPES):
        return True
    records = content.get("Records", content.get("records"))
    return (
        isinstance(records, list)
        and bool(records)
        and all(isinstance(record, dict) and ("kinesis" in record or "data" in record) for record in records)
    )


def read_streams(data: bytes, *, max_bytes: int) -> list[LogBatch]:
    """The log lines in a file, a LogBatch per log stream; their time is 0 where the file does not hold it.

    The file holds subscription events, the output of `aws logs filter-log-events`, a JSON array, or plain lines.

    Raises BadInputError where the file is not text, or where an event in it can't be read.
    """
    content = _json(data)
    events = content if isinstance(content, list) else [content]
    if content is not None and events and all(is_event(event) for event in events):
        return [batch for event in events for batch in _batches(event, max_bytes)]
    if isinstance(content, list):
        return [_lines(entry if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False) for entry in content)]
    if isinstance(content, dict) and isinstance(found := content.get("events"), list) and all(map(_is_log_event, found)):
        return _by_stream(found)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BadInputError(f"no text in it: byte {error.start} is not UTF-8") from error
    if isinstance(content, dict):
        # one JSON log line, perhaps formatted over several lines of text
        return [_lines([text.strip()])]
    if "\0" in text:
        raise BadInputError("no text in it: it holds NUL characters")
    return [_lines(line for line in text.splitlines() if line.strip())]


def _lines(messages: Iterable[str]) -> LogBatch:
    # as in a subscription event, half a surrogate pair becomes a question mark
    return LogBatch(events=[LogEvent("", 0, as_text(message)) for message in messages])


def _is_log_event(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("message"), str)


def _by_stream(events: list[dict[str, Any]]) -> list[LogBatch]:
    """The lines in a response of FilterLogEvents or GetLogEvents, as `aws logs` prints it, by log stream."""
    streams: dict[str, LogBatch] = {}
    for event in events:
        at, name = event.get("timestamp"), str(event.get("logStreamName") or "")
        batch = streams.setdefault(name, LogBatch(log_stream=name))
        batch.events.append(LogEvent("", at if isinstance(at, int) else 0, as_text(event["message"])))
    return list(streams.values())


def _batches(event: object, max_bytes: int) -> list[LogBatch]:
    decoded = decode_event(event, max_bytes=max_bytes)
    if decoded.bad_envelopes:
        bad = decoded.bad_envelopes[0]
        raise BadInputError(f"{bad.where}: {bad.reason}")
    return decoded.batches


def _json(data: bytes) -> object:
    """``data`` decoded as a JSON object or array; None where it is neither."""
    if data.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        content: object = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict | list) else None
