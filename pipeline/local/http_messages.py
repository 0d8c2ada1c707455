"""What comes to the local platform over HTTP, and what goes back."""

import json
from dataclasses import dataclass, field
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request; header names stand as they were sent."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def header(self, name: str) -> str | None:
        """A header's value, whatever the case of its name."""
        return self.lower_headers.get(name.lower())

    @property
    def lower_headers(self) -> dict[str, str]:
        """The headers by lower-case names."""
        return {name.lower(): value for name, value in self.headers.items()}

    @property
    def parameters(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer; JSON where its headers do not say otherwise."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def message(status: int, text: str, headers: dict[str, str] | None = None) -> HttpResponse:
    """An answer of the service itself: one sentence."""
    return HttpResponse(status, json.dumps({"message": text}).encode(), headers or {})
