"""Dashboards: sends requests to OpenSearch Dashboards, and says in one line why it does not answer as Dashboards does.

Sources: OpenSearch Dashboards, `src/core/server/saved_objects/routes` (import, bulk_get) and `import/types.ts`: an import is a multipart
form with a file of the ending `.ndjson`, and every request that changes something has the header `osd-xsrf`. Amazon OpenSearch Service
developer guide, "Using OpenSearch Dashboards": a domain has it at `_dashboards`, behind the same access policy.
"""

import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec
import urllib3
from urllib3.filepost import encode_multipart_formdata

from pipeline.errors import TracejoinError, UnavailableError
from pipeline.model.display_controls import visible
from pipeline.store.tls_fault import tls_fault

_TIMEOUT: Final = urllib3.Timeout(connect=3.0, read=20.0)
_OK: Final = 200
_REDIRECT, _CLIENT_ERROR = 300, 400
_REFUSED: Final = frozenset({401, 403})
_ABSENT: Final = 404
_LONGEST_REASON: Final = 200
_UNKNOWN_TYPE: Final = "this Dashboards does not know this type of object"
_MOST_READ: Final = 8 * 1024 * 1024

Headers = Mapping[str, str]


class Access(Protocol):
    """What lets a request in."""

    def headers(self, method: str, url: str, body: bytes, headers: Headers) -> Headers:
        """Returns all headers that a request is sent with. Raises a TracejoinError where there are no credentials for it."""


class Dashboards:
    """OpenSearch Dashboards at one address.

    Args:
        url: where it is, with its base path, such as `https://search-d.eu-west-1.es.amazonaws.com/_dashboards`.
        access: adds a login or a signature; None for none.
        tls: how its certificate is checked; None for the authorities that the system trusts.

    Every method raises UnavailableError, in one line, where no Dashboards answers or where it refuses.
    """

    def __init__(self, url: str, access: Access | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.url = url
        self._access = access
        self._pool = urllib3.PoolManager(retries=False, timeout=_TIMEOUT, ssl_context=tls)

    def close(self) -> None:
        """Closes the connections."""
        self._pool.clear()

    def find(self, objects: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | str | None]:
        """Returns the saved objects with these types and ids, in their order; None for one that is not there, a text why one can't be."""
        body = msgspec.json.encode([{"type": each["type"], "id": each["id"]} for each in objects])
        found = self._send("_bulk_get", body, "application/json").get("saved_objects")
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise UnavailableError(f"{self.url} answers something else than Dashboards does")
        known = {(each.get("type"), each.get("id")): each for each in found}
        return [_found(known.get((each["type"], each["id"]))) for each in objects]

    def save(self, objects: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
        """Writes these saved objects, over those of the same ids; returns by type and id why some were not written."""
        file = b"".join(msgspec.json.encode(each) + b"\n" for each in objects)
        body, content_type = encode_multipart_formdata({"file": ("tracejoin.ndjson", file, "application/ndjson")})
        answer = self._send("_import?overwrite=true", body, content_type)
        if not isinstance(answer.get("success"), bool):
            raise UnavailableError(f"{self.url} answers something else than Dashboards does")
        errors = answer.get("errors")
        failed = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
        reasons = {(str(error.get("type")), str(error.get("id"))): _reason(error.get("error")) for error in failed}
        if not answer["success"] and not reasons:
            reasons = {(each["type"], each["id"]): "Dashboards did not take it, and does not say why" for each in objects}
        return reasons

    def _send(self, what: str, body: bytes, content_type: str) -> dict[str, Any]:
        url = f"{self.url}/api/saved_objects/{what}"
        headers: Headers = {"content-type": content_type, "osd-xsrf": "true", "accept": "application/json"}
        try:
            headers = self._access.headers("POST", url, body, headers) if self._access else headers
            answer = self._pool.request("POST", url, body=body, headers=dict(headers), redirect=False, preload_content=False)
            try:
                data = answer.read(_MOST_READ)
            finally:
                answer.close()
        except TracejoinError as error:
            raise UnavailableError(f"{self.url} is asked nothing: {error}") from None
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # only its type: some of these quote headers
            reason = tls_fault(error) or f"does not answer ({type(error).__name__})"
            raise UnavailableError(f"{self.url} {reason}") from None
        return self._read(answer.status, data)

    def _read(self, status: int, data: bytes) -> dict[str, Any]:
        try:
            content = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            content = None
        if status in _REFUSED:
            raise UnavailableError(
                f"{self.url} refuses this login ({status}): whoever runs setup must be allowed to write saved objects there"
            )
        if _REDIRECT <= status < _CLIENT_ERROR:
            raise UnavailableError(f"{self.url} sends elsewhere ({status}), such as to a page to log in: redirects are not followed")
        if status == _ABSENT:
            raise UnavailableError(f"{self.url} has no saved objects ({status}): is its base path in the address, such as /_dashboards?")
        if status != _OK:
            raise UnavailableError(f"{self.url} answers {status}{_said(content)}")
        if not isinstance(content, dict):
            raise UnavailableError(f"{self.url} answers with something else than JSON, such as a page to log in")
        return content


def _found(answer: dict[str, Any] | None) -> dict[str, Any] | str | None:
    """One object of the answer to `_bulk_get`: it, why it can't be there, or None."""
    if answer is None or "error" not in answer:
        return answer
    error = answer["error"] if isinstance(answer["error"], dict) else {}
    if error.get("statusCode") == _ABSENT:
        return None
    # a type that nobody registered is a bad request
    return _UNKNOWN_TYPE if error.get("statusCode") == _CLIENT_ERROR else _line(f"it can't be read: {error.get('message') or 'no reason'}")


def _said(content: object) -> str:
    """What an error of Dashboards says, in one short line."""
    message = content.get("message") if isinstance(content, dict) else None
    return f": {_line(message)}" if isinstance(message, str) else ""


def _reason(error: object) -> str:
    """Why one object was not imported, of the `error` that Dashboards gives."""
    if not isinstance(error, dict):
        return "Dashboards did not take it"
    kind = str(error.get("type"))
    if kind == "unsupported_type":
        return _UNKNOWN_TYPE
    if kind == "missing_references":
        missing = [f"{each.get('type')} {each.get('id')}" for each in error.get("references") or () if isinstance(each, dict)]
        return _line(f"what it refers to is missing: {', '.join(missing)}")
    return _line(f"{kind}: {error.get('message') or ''}".rstrip(": "))


def _line(text: str) -> str:
    return visible(" ".join(text.split()))[:_LONGEST_REASON]
