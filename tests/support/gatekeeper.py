"""A gatekeeper in front of a local service: it answers some calls itself, as recorded or as denied, and hands on the others."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from tests.support.http_server import Answer, Forwarder, HttpServer, Request


class Gatekeeper(HttpServer):
    """Runs while it is used as a context manager.

    Attributes:
        endpoint: for AWS_ENDPOINT_URL or TRACEJOIN_ENDPOINT.
        target: the service behind it.
        answers: what it answers itself (status and content) by an operation's name, or by a path.
        every: answers what ``answers`` does not, where it is set.
        seen: the operations and paths that were asked for.
    """

    def __init__(self, target: str) -> None:
        self.answers: dict[str, tuple[int, Any] | Callable[[bytes], tuple[int, Any]]] = {}
        self.every: tuple[int, Any] | None = None
        self.seen: list[str] = []
        self.target = target
        self._forward = Forwarder(target)
        super().__init__(self._answer)

    def _answer(self, request: Request) -> Answer:
        names = _names(request)
        self.seen += names
        for name in names:
            if name in self.answers:
                answer = self.answers[name]
                return answer(request.body) if callable(answer) else answer
        return self.every or self._forward(request)


def _names(request: Request) -> list[str]:
    """The operation's name, by AWS' protocols: a header, the path of CBOR, the form of a query; and the path itself."""
    target = request.headers.get("x-amz-target", "").rpartition(".")[2]
    cbor = request.target.partition("/operation/")[2]
    form = parse_qs(request.body.decode("latin-1")).get("Action", [""])[0] if b"Action=" in request.body[:2000] else ""
    return [name for name in (target, cbor, form, request.path) if name]
