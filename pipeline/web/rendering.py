"""Rendering: makes a page of a template and values. All that a template prints is escaped, and shows what would steer the reader's eye."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from pipeline.model.display_controls import visible
from pipeline.model.durations import duration
from pipeline.model.json_values import as_text
from pipeline.model.short_ids import middle
from pipeline.model.trace_ids import to_xray
from pipeline.web import formats
from pipeline.web.page_context import page_of

# no other text that a template prints holds this character
_FLUSH: Final = Markup("\0")
_TEMPLATES: Final = Path(__file__).parent / "templates"


@lru_cache(maxsize=1)
def templates() -> Environment:
    """Returns the environment that renders templates, with the filters that they may use."""
    found = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, finalize=_printed, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    found.filters |= {
        "ago": formats.ago, "clock": formats.clock, "day": formats.day, "duration": duration, "full_time": formats.full_time,
        "middle": middle, "number": formats.number, "with_query": formats.with_query, "xray": to_xray,
    }  # fmt: skip
    return found


def render(request: Request, template: str, /, status: int = 200, **values: Any) -> Response:
    """Answers ``request`` with a page.

    Args:
        request: the request.
        template: the name of a template in `templates/`.
        status: the HTTP status.
        values: what the template prints. It also has `path`, `read_only`, `form_token` and `now` (seconds since the epoch).
    """
    return HTMLResponse(rendered(request, template, **values), status_code=status)


def stream(request: Request, template: str, /, **values: Any) -> Response:
    """Answers ``request`` with a page in pieces: what stands before each `{{ flush }}` is sent before what follows is made."""
    parts = templates().get_template(template).generate(_common(request) | {"flush": _FLUSH} | values)
    return StreamingResponse(_pieces(parts), media_type="text/html")


def _pieces(parts: Iterable[str]) -> Iterator[str]:
    waiting: list[str] = []
    for part in parts:
        waiting.append(part.replace(_FLUSH, ""))
        if _FLUSH in part:
            yield "".join(waiting)
            waiting = []
    yield "".join(waiting)


def rendered(request: Request, template: str, /, **values: Any) -> str:
    """Returns the text of a page, or of a part of one, as `render` answers with it."""
    return templates().get_template(template).render(_common(request) | values)


def _common(request: Request) -> dict[str, Any]:
    page = page_of(request)
    return {"path": request.url.path, "read_only": page.read_only, "form_token": page.access.form_token, "now": page.clock()}


def render_refusal(status: int, sentence: str, *, sign_in: bool = False) -> Response:
    """Answers with a page that shows one sentence and nothing of what is stored."""
    return HTMLResponse(templates().get_template("refusal.html").render(status=status, sentence=sentence, sign_in=sign_in), status)


def _printed(value: Any) -> Any:
    """What a template prints: no text holds a control character, a mark of direction or half a character."""
    return visible(as_text(value)) if isinstance(value, str) and not isinstance(value, Markup) else value
