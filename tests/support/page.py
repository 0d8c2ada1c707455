"""The page, served to tests in this process, and a plain HTTP client that sends exactly what a test says."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

import uvicorn

from pipeline.web.access import Access
from pipeline.web.app import application
from pipeline.web.page_context import PageContext
from tests.support.waiting import PATIENCE

TOKEN = "t" * 43


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass(frozen=True)
class Page:
    """A running page."""

    context: PageContext

    @property
    def url(self) -> str:
        """The first address, with the token."""
        return self.context.access.first_address

    @property
    def address(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self.context.access.port}"

    @property
    def cookie(self) -> str:
        """The header Cookie of a session."""
        return f"{self.context.access.cookie}={self.context.access.session}"

    def get(self, path: str, **parameters) -> Answer:
        """Asks for a page in a session."""
        return self.ask("GET", f"{path}?{urlencode(parameters)}" if parameters else path, {"Cookie": self.cookie})

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: str | None = None) -> Answer:
        """Sends one request with these headers alone, beside Host, which they may replace."""
        connection = http.client.HTTPConnection("127.0.0.1", self.context.access.port, timeout=PATIENCE)
        try:
            connection.putrequest(method, path, skip_host="Host" in (headers or {}), skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(None if body is None else body.encode())
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode())
        finally:
            connection.close()


@contextmanager
def page_server(store, **values) -> Iterator[Page]:
    """Serves the page over ``store``, with further values of PageContext."""
    listener = socket.create_server(("127.0.0.1", 0))
    context = PageContext(store=store, access=Access(token=TOKEN, port=listener.getsockname()[1]), **values)
    config = uvicorn.Config(application(context), http="h11", ws="none", loop="asyncio", lifespan="off", log_level="critical",
                            access_log=False, timeout_graceful_shutdown=1)  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Page(context)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
