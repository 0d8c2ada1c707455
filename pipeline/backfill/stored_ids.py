"""Stored ids: finds the lines of a window that are stored under another event id, and gives their events that id.

A document's _id follows from the event id. FilterLogEvents and subscriptions show the same one; an export holds none, and a local AWS may
make up another one for each. So what is stored of the same log stream, at the same time, with the same text, is the same event: as many
of the window's as are stored. A line that was shipped with other settings of redaction has another text, and is not found so.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from pipeline.backfill.exported_events import family_of
from pipeline.backfill.portion import Document
from pipeline.logs.decode import LogBatch, LogEvent
from pipeline.logs.document_address import id_prefix_of, time_kept
from pipeline.model.index_days import log_indices
from pipeline.model.log_groups import SPANS_LOG_GROUP
from pipeline.model.timestamps import iso_millis
from pipeline.search.original_line import original_line
from pipeline.settings import Settings
from pipeline.ship import read
from pipeline.store.client import Store

# of one query: a log stream's name has 512 characters at most
_MOST_STREAMS: Final = 500

_Line = tuple[str, str]


def take_stored_ids(documents: Sequence[Document], store: Store, settings: Settings) -> int:
    """Changes the event ids in ``documents``, all of one log group, to those under which their lines are stored; returns how many changed.

    Raises UnavailableError where OpenSearch does not answer.
    """
    changed = 0
    for start in range(0, len(documents), _MOST_STREAMS):
        part = [document for document in documents[start : start + _MOST_STREAMS] if document["logGroup"] != SPANS_LOG_GROUP]
        stored = _stored(part, store)
        changed += sum(_take(document, stored[document["logStream"]], settings) for document in part)
    return changed


def _stored(documents: Sequence[Document], store: Store) -> defaultdict[str, dict[str, Mapping[str, Any]]]:
    """The stored lines of these log streams at the times of the documents' events: by stream and by event id."""
    found: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    times = [iso_millis(at) for at in sorted({time_kept(event["timestamp"]) for each in documents for event in each["logEvents"]})]
    if not times:
        return found
    query = {"bool": {"filter": [
        {"terms": {"aws.logStream": [document["logStream"] for document in documents]}},
        # no range: a filter leaves much out in between
        {"terms": {"@timestamp": times}},
    ]}}  # fmt: skip
    # not by account and log group: a centralized line has those that it came from
    streams = {id_prefix_of(each["owner"], each["logGroup"], each["logStream"]): each["logStream"] for each in documents}
    for hit in store.scan(query, index=log_indices(store.prefix)):
        prefix, dash, event_id = hit.id.partition("-")
        if stream := streams.get(prefix + dash):
            found[stream][event_id] = hit.source
    return found


def _take(document: Document, stored: Mapping[str, Mapping[str, Any]], settings: Settings) -> int:
    """Gives events of one document the ids of ``stored`` lines that no other event has; returns how many."""
    events = document["logEvents"]
    own = {event["id"] for event in events}
    # an event of the same export has its own id
    families = {family_of(id_) for id_ in own} - {None}
    spare: defaultdict[_Line, list[str]] = defaultdict(list)
    for id_ in sorted((id_ for id_ in stored.keys() - own if family_of(id_) not in families), reverse=True):
        spare[stored[id_]["@timestamp"], _text(stored[id_])].append(id_)
    if not spare:
        return 0
    changed = 0
    for event, line in zip(events, _lines(document, settings), strict=True):
        if event["id"] not in stored and (ids := spare.get(line)):
            event["id"] = ids.pop()
            changed += 1
    return changed


def _lines(document: Document, settings: Settings) -> list[_Line]:
    """The time and text of each event as they would be stored."""
    batch = LogBatch(owner=document["owner"], log_group=document["logGroup"], log_stream=document["logStream"],
                     events=[LogEvent(event["id"], event["timestamp"], event["message"]) for event in document["logEvents"]])  # fmt: skip
    decode = msgspec.json.decode
    lines = (decode(msgspec.json.encode(line)) for _, line in read(batch, settings))
    return [(line["@timestamp"], _text(line)) for line in lines]


def _text(line: Mapping[str, Any]) -> str:
    # an export has no line break of its own at the end
    return original_line(line).rstrip("\n")
