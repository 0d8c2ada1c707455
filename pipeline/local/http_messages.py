"""HTTP messages: the requests to the local platform, and its responses."""

import json
from dataclasses import dataclass, field
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """An HTTP request; its header names are as they were sent."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header, in whatever case its name was sent; None where it is missing."""
        return self.lower_headers.get(name.lower())

    @property
    def lower_headers(self) -> dict[str, str]:
        """The headers by lower-case names."""
        return {name.lower(): value for name, value in self.headers.items()}

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the query string."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An HTTP response; its body is JSON unless its headers name another type."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def message(status: int, text: str, headers: dict[str, str] | None = None) -> HttpResponse:
    """The response of a service itself, with ``text`` as its message."""
    return HttpResponse(status, json.dumps({"message": text}).encode(), headers or {})
