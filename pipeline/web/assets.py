"""Assets: the stylesheet, scripts and pictures that pages refer to."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

STATIC: Final = Path(__file__).parent / "static"


@lru_cache(maxsize=1)
def stylesheet() -> str:
    """Returns all stylesheets as one: the base first, since the others build on it."""
    files = sorted((STATIC / "css").glob("*.css"), key=lambda file: (file.name != "base.css", file.name))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _page_css(request: Request) -> Response:
    text = stylesheet()
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="text/css", headers=headers)


def _icon(_request: Request) -> Response:
    return FileResponse(STATIC / "icon.svg", media_type="image/svg+xml", headers={"Cache-Control": "no-cache"})


def routes() -> list[BaseRoute]:
    """Returns the routes below /static."""
    return [
        Route("/static/page.css", _page_css),
        Route("/static/icon.svg", _icon),
        Mount("/static/js", StaticFiles(directory=STATIC / "js")),
    ]
