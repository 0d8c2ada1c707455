"""Services: who calls whom in a period, as a picture and as tables."""

from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pipeline.search.question import Term
from pipeline.search.service_calls import UNKNOWN
from pipeline.search.service_map import MOST_SPANS, read_service_map
from pipeline.search.time_expressions import parse_time
from pipeline.web.page_context import page_of
from pipeline.web.rendering import render
from pipeline.web.service_picture import service_picture

_PERIODS: Final = ("15m", "1h", "6h", "24h", "7d", "30d")
_PERIOD: Final = "24h"
_MOST_ROWS: Final = 500


def _services(request: Request) -> Response:
    page = page_of(request)
    since = request.query_params.get("since") or _PERIOD
    begin = parse_time(since, now=datetime.fromtimestamp(page.clock(), UTC), zone=UTC)
    found = read_service_map(page.store, since=begin)
    questions = {
        node.name: f"{Term(node.name, 'service')} since:{since}"
        for node in found.nodes[:_MOST_ROWS]
        if node.kind == "service" and node.name != UNKNOWN
    }
    return render(
        request,
        "services.html",
        found=found,
        edges=found.edges[:_MOST_ROWS],
        nodes=found.nodes[:_MOST_ROWS],
        questions=questions,
        picture=service_picture(found),
        since=since,
        periods=_PERIODS,
        most_spans=MOST_SPANS,
    )


ROUTES: list[BaseRoute] = [Route("/services", _services)]
