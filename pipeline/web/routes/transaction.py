"""Transaction: the page of one transaction, and the documents that its rows open to."""

from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from pipeline.errors import BadInputError
from pipeline.search.no_results import explain_no_results
from pipeline.search.query import SearchQuery
from pipeline.search.question import Term
from pipeline.search.read_records import as_recorded
from pipeline.search.search import document
from pipeline.search.transaction_view import transaction_view
from pipeline.store.client import Store
from pipeline.web.document_fields import ShownDocument, shown_document
from pipeline.web.page_context import PageContext, page_of
from pipeline.web.rendering import render
from pipeline.web.transaction_page import Asked, page_values


def _transaction(request: Request) -> Response:
    page, id_, asked = page_of(request), request.path_params["id"], Asked.of(request.query_params)
    if not id_.strip():
        raise BadInputError("This address names no transaction: expected /transaction/ and a trace, correlation or request id.")
    view = transaction_view(id_, page.store, rules=page.rules, api_gateway=page.api_gateway, words=asked.find)
    if view is None:
        return render(request, "transaction_unknown.html", 404, id=id_, sentences=_why_unknown(id_, page))
    if request.query_params.get("part") == "matches":
        return JSONResponse(sorted(view.matched))
    opened = _opened(asked.open, page.store) if asked.open else None
    # the search bar asks for the lines and spans of this transaction; a browser would read dots between an id's slashes as folders
    own: dict[str, Any] = {"opened": opened, "question": str(Term(id_, "id")), "path": f"/transaction/{quote(id_, safe='')}"}
    return render(request, "transaction.html", **own, **page_values(view, asked, view.matched))


def _why_unknown(id_: str, page: PageContext) -> list[str]:
    return explain_no_results(SearchQuery(ids=(id_,), whole=True), page.store, delays=page.lookup_delays, now=page.clock())


def _document(request: Request) -> Response:
    """A part of a page: the document of a row, for the script that opens it."""
    key = request.query_params.get("key", "")
    opened = _opened(key, page_of(request).store) if key else None
    if opened is None:
        return render(request, "document_unknown.html", 404)
    return render(request, "document_part.html", opened=opened)


def _opened(key: str, store: Store) -> ShownDocument | None:
    """The line or span with this id; None where there is none, as for a gap."""
    found = store.search({"query": {"ids": {"values": [key]}}, "size": 1}, index=store.lines_and_spans)["hits"]["hits"]
    return shown_document(document(as_recorded(found, store)[0])) if found else None


ROUTES: list[BaseRoute] = [Route("/document", _document), Route("/transaction/{id:path}", _transaction)]
