"""Health: how the pipeline does, out of what it stored; and what could not be shipped is sent again from here."""

import re
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from pipeline.model.timestamps import iso_millis
from pipeline.search.pipeline_health import pipeline_health
from pipeline.web.page_context import page_of
from pipeline.web.rendering import render
from pipeline.web.sent_letters import SentPortion, SentPortions, reason_key

_CLICK: Final = re.compile(r"[0-9a-f]{16}")


def _health(request: Request) -> Response:
    page = page_of(request)
    health = pipeline_health(page.store, delays=page.lookup_delays, now=page.clock())
    click = request.query_params.get("sent", "")
    return render(request, "health.html", health=health, endpoint=page.store.endpoint, prefix=page.store.prefix, new_click=_new_click,
                  reason_key=reason_key, can_send=page.send_letters is not None and not page.read_only,
                  sent=_sent(request).find(click), click=click)  # fmt: skip


def _back(_: Request) -> Response:
    # the address of a form that was refused, loaded again
    return RedirectResponse("/health", status_code=303)


async def _send(request: Request) -> Response:
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
    # it waits for OpenSearch, so it works in a thread
    return await run_in_threadpool(_send_portion, request, form)


def _send_portion(request: Request, form: Mapping[str, str]) -> Response:
    page, sent, key = page_of(request), _sent(request), form.get("reason", "")
    if (send := page.send_letters) is None:
        raise HTTPException(404)
    click = form.get("click", "")
    if not _CLICK.fullmatch(click):
        click = _new_click()
    before = sent.find(form.get("after", ""))
    after = (before.portion.next or ()) if before else ()

    def portion() -> SentPortion:
        return SentPortion(key=key, further=bool(after), at=iso_millis(int(page.clock() * 1000)),
                           portion=send(lambda reason: not key or reason_key(reason) == key, after))  # fmt: skip

    sent.send_once(click, portion)
    # to load the page again sends nothing again
    return RedirectResponse(f"/health?sent={click}#sent", status_code=303)


def _new_click() -> str:
    return secrets.token_hex(8)


def _sent(request: Request) -> SentPortions:
    found: SentPortions = request.app.state.sent_portions
    return found


ROUTES: list[BaseRoute] = [
    Route("/health", _health),
    Route("/health/letters", _send, methods=["POST"]),
    Route("/health/letters", _back),
]
