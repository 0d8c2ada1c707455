"""Answers that are none of OpenSearch's: every request takes them for an OpenSearch that is away, so that it is made again."""

import json

import pytest

from pipeline.configure import store_for
from pipeline.errors import BadInputError, MisconfiguredError, UnavailableError
from pipeline.settings import Settings
from pipeline.store.client import TEMPLATES, Store
from pipeline.store.pages import pages
from tests.support.events import lambda_event
from tests.support.http_server import HttpServer
from tests.support.shipping import shipped

PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
HTML, TEXT = {"content-type": "text/html"}, {"content-type": "text/plain; charset=utf-8"}
ODD = {
    "a page": (200, PAGE, HTML), "a page that calls itself JSON": (200, PAGE), "text": (200, b"ok", TEXT), "another type": (200, b"{}", {"content-type": "application/cbor"}),
    "nothing": (200, b""), "half": (200, b'{"took":1,"items":[{"create":{"sta'), "null": (200, b"null"), "a number": (200, b"7"), "a list": (200, b"[]"),
    "an empty object": (200, b"{}"), "another service's": (200, b'{"message":"ok"}'), "no UTF-8": (200, b'{"a":"\xff\xfe"}'),
    "items that are none": (200, b'{"errors":true,"items":[7],"docs":[7],"hits":7}'),
    "fewer than asked for": (200, b'{"errors":false,"items":[],"docs":[],"hits":{}}'),
    "more than asked for": (200, json.dumps({"errors": False, "items": [{"create": {"status": 201}}] * 9, "docs": [{"found": False}] * 9, "hits": []}).encode()),
    "deep": (200, b"[" * 100_000), "403 with a page": (403, PAGE, HTML), "404 with a page": (404, PAGE, HTML), "400 with a page": (400, PAGE, HTML),
    "502 with a page": (502, PAGE, HTML), "500 with a list": (500, b"[]"), "500 with text": (500, b'"x"'), "503 with null": (503, b"null"),
}  # fmt: skip
REQUESTS = {
    "_bulk": lambda store: store.write([{"create": {"_index": "i", "_id": "1"}}, {}]),
    "_mget": lambda store: store.get_many([("i", "1")]),
    "_search": lambda store: store.search({}),
    "scan": lambda store: list(store.scan({"match_all": {}}, index="i")),
    "_delete_by_query": lambda store: store.delete_older("i", "f", days=1),
    "_index_template": lambda store: store.require_templates(),
    "pages": lambda store: list(pages(store, {"sort": ["_id"]}, index="i")),
}


@pytest.fixture
def answering():
    """A store whose OpenSearch answers every request with what the test puts into the list."""
    answers = []
    with HttpServer(lambda request: answers[0](request) if callable(answers[0]) else answers[0]) as server:
        store = store_for(Settings(endpoint=server.endpoint))
        yield answers, store
        store.close()


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("odd", ODD)
def test_every_request_is_made_again(answering, odd, request_):
    """No answer of somebody else escapes as another error, is taken for a refusal of the login, or for an empty result."""
    answers, store = answering
    answers.append(ODD[odd])
    with pytest.raises(UnavailableError, match=store.endpoint):
        REQUESTS[request_](store)


def shipped_after(answer, status, answering):
    """The ledger of two lines, whose bulk request is answered so, and the next one with this status for each of them."""
    answers, store = answering
    bulks = iter([answer])

    def answered(request):
        if request.path == "/_bulk":
            return next(bulks, (200, {"errors": status > 201, "items": [{"create": {"status": status}}] * 2}))
        if request.path == "/_mget":
            return 200, {"docs": [{"found": False}] * len(json.loads(request.body)["docs"])}
        if request.path.startswith("/_index_template"):
            return 200, {"index_templates": [{"name": f"tracejoin-{name}"} for name in TEMPLATES]}
        return 200, {"hits": {"hits": []}}

    answers.append(answered)
    ledger = shipped(lambda_event(["a", "b"]), store, Settings(endpoint=store.endpoint)).ledger
    return ledger.indexed, ledger.duplicate, ledger.dead_lettered


@pytest.mark.parametrize("odd", ODD)
def test_shipping_goes_on_after_an_odd_answer(answering, odd):
    """The bulk request is sent again; what was written although the answer is lost is a duplicate, and nothing is buried."""
    assert shipped_after(ODD[odd], 409, answering) == (0, 2, 0)


@pytest.mark.parametrize("status", [301, 402, 404, 405, 409, 412, 422])
def test_a_status_of_the_whole_request_is_that_of_no_document(answering, status):
    """Not even 409, which for a document says that it is stored already: nothing counts as stored or is buried, and the request is made again."""
    refusal = {"error": {"type": "version_conflict_engine_exception", "reason": "the resource is in use"}, "status": status}
    assert shipped_after((status, refusal), 201, answering) == (2, 0, 0)


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_block_is_no_refused_login(answering, request_):
    """A read-only cluster answers 403, too, and is told as what it is; so is an index that can't be read."""
    answers, store = answering
    block = {"type": "cluster_block_exception", "reason": "blocked by: [FORBIDDEN/6/cluster read-only (api)];"}
    answers.append((403, {"error": {"root_cause": [block], **block}, "status": 403}))
    with pytest.raises(UnavailableError, match=r"answered 403: blocked by: \[FORBIDDEN/6/cluster read-only \(api\)\]") as caught:
        REQUESTS[request_](store)
    assert (caught.value.status, caught.value.kind) == (403, "cluster_block_exception")


@pytest.mark.parametrize("content", [{"error": {"type": "security_exception", "reason": "no permissions"}, "status": 403}, {"error": {"type": "alerting_exception", "reason": "no permissions"}}, b"Forbidden", b"",
                                     {"Message": "User: anonymous is not authorized to perform: es:ESHttpPost"}])  # fmt: skip
def test_a_refused_login_is_told_as_such(answering, content):
    """The security plugin's and Amazon's answers, with and without JSON."""
    answers, store = answering
    answers.append((403, content))
    with pytest.raises(MisconfiguredError, match="refuses these credentials"):
        store.search({})


def test_a_document_of_an_index_that_can_not_be_read_is_not_missing(answering):
    """A get from a closed index says nothing about the document; one from an index that does not exist does."""
    answers, store = answering
    answers.append(
        (200, {"docs": [{"_index": "i", "_id": "1", "error": {"type": "index_closed_exception", "reason": "closed", "index": "i"}}]})
    )
    with pytest.raises(UnavailableError, match="can't read i"):
        store.get_many([("i", "1")])
    answers[0] = (
        200,
        {"docs": [{"_index": "i", "_id": "1", "error": {"type": "index_not_found_exception", "reason": "no such index [i]"}}]},
    )
    assert store.get_many([("i", "1")]) == [None]


def test_a_failed_search_tells_its_root(answering: tuple[list, Store]):
    """Not only that all shards failed, but in which index and why."""
    answers, store = answering
    shard = {
        "shard": 0,
        "index": "tracejoin-logs-2026.11.24",
        "reason": {"type": "illegal_argument_exception", "reason": "Text fields are not optimised"},
    }
    answers.append(
        (
            400,
            {"error": {"type": "search_phase_execution_exception", "reason": "all shards failed", "failed_shards": [shard]}, "status": 400},
        )
    )
    with pytest.raises(BadInputError, match=r"all shards failed: index tracejoin-logs-2026.11.24: Text fields are not optimised"):
        store.search({})
