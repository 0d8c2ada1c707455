"""Search: the page with the hits of a question, and their live tail."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from pipeline.errors import BadInputError, TracejoinError
from pipeline.search.highlights import new_marks
from pipeline.search.hit_pages import Direction, HitPage, read_page
from pipeline.search.no_results import explain_no_results
from pipeline.search.overview import overview
from pipeline.search.query import Clause, SearchQuery, opensearch_query
from pipeline.search.question import Question, parse_question, search_query
from pipeline.search.search import transaction_for
from pipeline.search.words import with_known_ids
from pipeline.store.client import Store
from pipeline.web.formats import with_query
from pipeline.web.page_context import PageContext, page_of
from pipeline.web.rendering import render, rendered, stream
from pipeline.web.search_page import FILTER_NAMES, Counted, address_of, chips, counted, hit_row, presets
from pipeline.web.tail import Tail

_A_PAGE: Final = 100
_LONGEST: Final = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the address of a search asks for."""

    text: str
    question: Question
    query: SearchQuery
    cursor: str
    direction: Direction
    opened: str
    live: bool

    def here(self, key: str) -> str:
        """The address of the same page with the row of this key open."""
        return address_of(self.question, **{self.direction: self.cursor}, open=key)


def _search(request: Request) -> Response:
    page, text = page_of(request), request.query_params.get("q", "")
    try:
        asked = _asked(text, request.query_params, page)
        values = _found(asked, page)
    except BadInputError as error:
        # an answer like others: a browser would write the status of an error into its console
        return render(request, "search_wrong.html", question=text[:_LONGEST], sentence=str(error))
    if request.query_params.get("part") == "hits":
        return render(request, "hits_part.html", **values)
    return stream(request, "search.html", **values)


def _asked(text: str, parameters: Mapping[str, str], page: PageContext) -> _Asked:
    if len(text) > _LONGEST:
        raise BadInputError(f"the question has more than {_LONGEST:,} characters: give the words that matter")
    question = parse_question(text)
    query = search_query(question, now=datetime.fromtimestamp(page.clock(), UTC), zone=UTC)
    newer = parameters.get("newer", "")
    return _Asked(
        text=text,
        question=question,
        query=with_known_ids(query, page.store),
        cursor=newer or parameters.get("older", ""),
        direction="newer" if newer else "older",
        opened=parameters.get("open", ""),
        live=parameters.get("live") == "1",
    )


def _found(asked: _Asked, page: PageContext) -> dict[str, Any]:
    """What the template prints."""
    store, begun = page.store, page.store.left_out.now()
    clause = opensearch_query(asked.query, transaction_for(asked.query, store))
    marks = new_marks()
    matches = asked.query.words or asked.query.text or asked.query.phrase
    hits = read_page(clause, store, cursor=asked.cursor, direction=asked.direction, size=_A_PAGE, highlight=marks if matches else None)
    return {
        "question": asked.text, "asked": asked, "rows": [hit_row(hit, marks, asked.here, opened=asked.opened) for hit in hits.hits],
        "sentences": [] if hits.hits or asked.cursor else _why_nothing(asked.query, page),
        # called by the template once the hits are sent, since it reads every document that matches
        "count": lambda: _counted(asked.question, clause, store),
        "chips": chips(asked.question), "presets": presets(asked.question), "left_out": sorted(store.left_out.since(begun)),
        "read_as_ids": [id_ for id_ in asked.query.ids if asked.query.whole and id_ in asked.question.values("")],
    } | _addresses(asked, hits)  # fmt: skip


def _counted(question: Question, clause: Clause, store: Store) -> Counted:
    try:
        return counted(question, overview(clause, store))
    except TracejoinError as error:
        return Counted(trouble=str(error))


def _why_nothing(query: SearchQuery, page: PageContext) -> list[str]:
    return explain_no_results(query, page.store, delays=page.lookup_delays, now=page.clock(), names=FILTER_NAMES)


def _addresses(asked: _Asked, hits: HitPage) -> dict[str, str]:
    return {
        "newest": address_of(asked.question),
        "older": address_of(asked.question, older=hits.older) if hits.older else "",
        "newer": address_of(asked.question, newer=hits.newer) if hits.newer else "",
        # what is to come has no end
        "live": address_of(asked.question.without_key("until"), live=1),
        "tail": with_query("/search/tail", q=str(asked.question)),
    }


def _tail(request: Request) -> Response:
    page = page_of(request)
    asked = _asked(request.query_params.get("q", ""), {}, page)
    if asked.query.until:
        raise BadInputError("what is to come has no end: leave until: out")
    marks = new_marks()

    def rows(hits: list[dict[str, Any]]) -> str:
        return rendered(request, "hits_part.html", rows=[hit_row(hit, marks, asked.here) for hit in hits], older="")

    tail = Tail(query=replace(asked.query, limit=_A_PAGE), store=page.store, marks=marks, rows=rows, tails=request.app.state.tails)
    return StreamingResponse(tail.events(), media_type="text/event-stream")


ROUTES: list[BaseRoute] = [Route("/search", _search), Route("/search/tail", _tail)]
