"""App: puts guard, routes and assets together."""

from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from pipeline.errors import BadInputError, TracejoinError, UnavailableError
from pipeline.web import assets
from pipeline.web.guard import Guard
from pipeline.web.page_context import PageContext
from pipeline.web.rendering import render
from pipeline.web.routes import health, inbox, search, services, transaction
from pipeline.web.sent_letters import SentPortions
from pipeline.web.tail import Tails

_WRONG: Final = 500


def application(page: PageContext) -> ASGIApp:
    """Makes the application that answers with pages.

    Args:
        page: what the pages show. Their requests to OpenSearch are made in threads, so its store serves several at once.
    """
    app = Starlette(
        routes=[*inbox.ROUTES, *search.ROUTES, *transaction.ROUTES, *services.ROUTES, *health.ROUTES, *assets.routes()],
        exception_handlers={HTTPException: _http_error, TracejoinError: _known_error, Exception: _unknown_error},
    )
    app.state.page = page
    app.state.tails = Tails()
    app.state.sent_portions = SentPortions()
    # around everything, so that the answer to a failure of ours has the guard's headers, too
    return Guard(app, page.access, page.read_only)


def _known_error(request: Request, error: Exception) -> Response:
    status = 400 if isinstance(error, BadInputError) else 503 if isinstance(error, UnavailableError) else _WRONG
    return render(request, "error.html", status, sentence=str(error))


def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else _WRONG
    sentence = {404: "There is no page at this address.", 405: "This page can only be read."}.get(status, "This does not work.")
    return render(request, "error.html", status, sentence=sentence)


def _unknown_error(request: Request, error: Exception) -> Response:
    sentence = f"This page failed ({type(error).__name__}). The terminal of the server has more."
    return render(request, "error.html", _WRONG, sentence=sentence)
