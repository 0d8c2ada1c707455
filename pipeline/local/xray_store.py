"""X-Ray store: the segment documents of the local X-Ray, each visible from its own time on."""

import copy
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.model.trace_ids import parse_trace_id, to_xray

Document = dict[str, Any]


class TraceStore:
    """Segment documents by trace, each with the time from which it can be read; ``clock`` returns seconds since the epoch."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._documents: dict[str, list[tuple[float, Document]]] = {}
        self._links: dict[str, list[tuple[str, Document]]] = {}

    def add(self, document: Document, visible_at: float) -> None:
        """Stores a document that can be read from ``visible_at`` on (seconds since the epoch)."""
        trace_id = parse_trace_id(document["trace_id"]) or ""
        with self._lock:
            self._documents.setdefault(trace_id, []).append((visible_at, document))

    def link(self, trace_id: str, span_id: str, link: Document) -> None:
        """Stores a span link from the function whose segment is above the span ``span_id``."""
        with self._lock:
            self._links.setdefault(trace_id, []).append((span_id, link))

    def visible(self, trace_id: str) -> dict[str, Document]:
        """The documents of a trace that can be read now, by segment id: a finished one instead of the one in progress."""
        now = self._clock()
        found: dict[str, Document] = {}
        with self._lock:
            for visible_at, document in self._documents.get(trace_id, ()):
                before = found.get(document["id"])
                if visible_at <= now and (before is None or before.get("in_progress") or not document.get("in_progress")):
                    found[document["id"]] = document
            links = list(self._links.get(trace_id, ()))
        return _linked(found, links) if links else found

    def everything(self) -> list[Document]:
        """The documents of all traces that can be read now."""
        with self._lock:
            ids = list(self._documents)
        return [document for id_ in ids for document in self.visible(id_).values()]

    def trace(self, trace_id: str) -> dict[str, Any]:
        """The trace as BatchGetTraces returns it: an independent subsegment is inside its parent, where that can be read."""
        documents = copy.deepcopy(self.visible(trace_id))
        entries = {entry["id"]: entry for document in documents.values() for entry in _entries(document)}
        for id_, document in list(documents.items()):
            parent = entries.get(document.get("parent_id", ""))
            inside = {entry["id"] for entry in _entries(document)}
            # two documents that name each other as parent stay apart
            if document.get("type") == "subsegment" and parent is not None and parent["id"] not in inside:
                parent.setdefault("subsegments", []).append(documents.pop(id_))
        ends = [document.get("end_time") or document["start_time"] for document in documents.values()]
        starts = [document["start_time"] for document in documents.values()]
        return {
            "Id": to_xray(trace_id),
            "Duration": round(max(ends) - min(starts), 3),
            "LimitExceeded": False,
            "Segments": [{"Id": id_, "Document": json.dumps(document)} for id_, document in documents.items()],
        }

    def summaries(self, start: float, end: float) -> list[dict[str, Any]]:
        """The summary of each trace that began between two times (seconds since the epoch). HasFault and HasError are the root's."""
        with self._lock:
            ids = list(self._documents)
        found = []
        for id_ in ids:
            documents = [document for document in self.visible(id_).values() if document.get("type") != "subsegment"]
            root = min(documents, key=lambda document: (bool(document.get("parent_id")), document["start_time"]), default=None)
            if root and start <= root["start_time"] <= end:
                found.append(_summary(id_, root, documents))
        return found


def _linked(documents: dict[str, Document], links: list[tuple[str, Document]]) -> dict[str, Document]:
    """The documents with their span links, each in the Invocation subsegment of the function segment above its span."""
    found = copy.deepcopy(documents)
    holders = {entry["id"]: document for document in found.values() for entry in _entries(document)}
    for span_id, link in links:
        above, passed = holders.get(span_id), set[str]()
        while above and above.get("origin") != "AWS::Lambda::Function" and above["id"] not in passed:
            passed.add(above["id"])
            above = holders.get(above.get("parent_id", ""))
        for entry in _entries(above) if above else ():
            if entry["name"] == "Invocation":
                entry.setdefault("links", []).append(link)
    return found


def _summary(trace_id: str, root: Document, documents: list[Document]) -> dict[str, Any]:
    return {
        "Id": to_xray(trace_id),
        "StartTime": root["start_time"],
        "Duration": root.get("end_time", root["start_time"]) - root["start_time"],
        "HasFault": root.get("fault") is True,
        "HasError": root.get("error") is True,
        "HasThrottle": any(document.get("throttle") is True for document in documents),
        "IsPartial": any(document.get("in_progress") is True for document in documents),
    }


def _entries(document: Document) -> Iterator[Document]:
    yield document
    for subsegment in document.get("subsegments", ()):
        yield from _entries(subsegment)
