"""Guard: stands before the pages; lets in what `access` allows, and gives every answer the headers that keep a browser safe."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.web.access import Access, from_own_page
from pipeline.web.rendering import render_refusal

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""What a browser may load and run on a page: this server's own files, and nothing inline."""
TOKEN: Final = "token"  # noqa: S105  # the name of a parameter
SIGN_IN: Final = "/sign-in"

_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # with no-referrer a browser would send the forms of this page from the origin null
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_LARGEST_FORM: Final = 64 * 1024
_READS: Final = frozenset({"GET", "HEAD"})
_FORM: Final = "application/x-www-form-urlencoded"


class _TooLargeError(Exception):
    """A form is larger than any of ours."""


@dataclass(frozen=True, slots=True)
class Guard:
    """An ASGI application in front of another.

    Attributes:
        app: the application behind it.
        access: who may reach that.
        read_only: whether no form may change anything.
    """

    app: ASGIApp
    access: Access
    read_only: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] != "http":
            # pages need no web socket, and nothing here starts or stops with the server
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        request = Request(scope, receive)
        form: bytes = b""
        try:
            form = b"" if request.method in _READS else await _body(request)
            answer = self._answer(request, form)
        except ClientDisconnect:
            # it went away amid its form, and hears no answer
            return
        except _TooLargeError:
            answer = render_refusal(413, "This form is too large.")
        if answer:
            await answer(scope, receive, with_headers)
        else:
            await self.app(scope, _again(form, receive) if form else receive, with_headers)

    def _answer(self, request: Request, body: bytes) -> Response | None:
        """What to answer instead of the page; None for the page."""
        access = self.access
        if len(request.headers.getlist("host")) != 1 or not access.serves(request.headers["host"]):
            return render_refusal(421, "This server does not serve the host that the address names.")
        if not from_own_page(request.method, request.headers):
            return render_refusal(403, "Another site asked for this page. Open it from its own address.")
        if request.url.path.startswith("/static/"):
            return None
        form = parse_qs(body.decode("utf-8", "replace")) if _is_form(request) else {}
        if request.url.path == SIGN_IN and request.method == "POST":
            return self._sign_in(form.get(TOKEN, [""])[0], "/")
        if (token := request.query_params.get(TOKEN)) is not None and request.method in _READS:
            rest = urlencode([pair for pair in parse_qsl(request.url.query, keep_blank_values=True) if pair[0] != TOKEN])
            return self._sign_in(token, f"{request.url.path}?{rest}" if rest else request.url.path)
        if not access.is_session(request.cookies):
            return render_refusal(401, "Open the whole address that `tracejoin serve` printed, or give the token in it.", sign_in=True)
        return None if request.method in _READS else self._refused_change(form)

    def _sign_in(self, token: str, target: str) -> Response:
        if not self.access.is_token(token):
            return render_refusal(401, "This is not the token of this server: it has a new one each time that it starts.", sign_in=True)
        # two slashes at the start would name another host
        answer = RedirectResponse(f"/{target.lstrip('/')}", status_code=303)
        # lax and not strict, so that a link in a ticket finds the session; it changes nothing
        answer.set_cookie(self.access.cookie, self.access.session, httponly=True, samesite="lax", path="/")
        return answer

    def _refused_change(self, form: Mapping[str, list[str]]) -> Response | None:
        if self.read_only:
            return render_refusal(403, "This page is read-only: `tracejoin serve` was started with --read-only.")
        if not self.access.is_form(form.get(TOKEN, [""])[0]):
            return render_refusal(403, "This form is not of this page, or of an earlier start of the server. Load the page again.")
        return None


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_FORM:
            raise _TooLargeError
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read already, and then what ``receive`` gives."""
    parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return parts.pop() if parts else await receive()

    return receive_again
