"""Stored documents for tests of search, and a store that is watched while it searches."""

from datetime import UTC, datetime
from itertools import chain

from pipeline.errors import BadInputError
from pipeline.store.client import Store
from tests.support.shipping import shipped

BEGAN = datetime(2026, 11, 24, 10, tzinfo=UTC)
XRAY = "1-5759e988-bd862e3fe1be46a994272793"


def line(id_="1", at=BEGAN, **more):
    """The bulk lines of a log document."""
    source = {
        "@timestamp": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "doc": {"kind": "log"},
        "trace": {"state": "pending", "version": 0},
    } | more
    return [{"create": {"_index": f"@-logs-{at:%Y.%m.%d}", "_id": id_}}, source]


def span(id_="s", at=BEGAN, **more):
    """The bulk lines of a span document."""
    (action, source) = line(id_, at, doc={"kind": "span"}, **more)
    action["create"]["_index"] = f"@-spans-{at:%Y.%m.%d}"
    return [action, source]


def put(store, *documents):
    """Writes documents and makes them visible."""
    lines = list(chain.from_iterable(documents))
    for action in lines[::2]:
        action["create"]["_index"] = action["create"]["_index"].replace("@", store.prefix)
    results = [result for begin in range(0, len(lines), 4000) for result in store.write(lines[begin : begin + 4000])]
    assert {result.status for result in results} == {201}
    store.refresh()


def ids(hits):
    """The ids of hits, in their order."""
    return [hit["_id"] for hit in hits]


def indexed(event, store, settings):
    """Ships an event, and makes it visible."""
    ledger = shipped(event, store, settings).ledger
    assert ledger.received == ledger.indexed
    store.refresh()


class Watched(Store):
    """A store that counts its points in time and searches, or has no points in time at all, as OpenSearch Serverless."""

    def __init__(self, store, *, serverless=False):
        super().__init__(store._client, endpoint=store.endpoint, prefix=store.prefix)
        self.serverless = serverless
        self.opened = self.closed = self.searches = 0

    def request(self, method, path, body=None, params=None, headers=None):
        if path.endswith("/_search/point_in_time"):
            if self.serverless:
                raise BadInputError("no handler found")
            self.opened += method == "POST"
            self.closed += method == "DELETE"
        self.searches += path.endswith("/_search")
        return super().request(method, path, body, params, headers)
