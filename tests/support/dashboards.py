"""A stand-in for OpenSearch Dashboards, which is not on any package index: the saved objects API, as it is documented.

What it knows is in OpenSearch Dashboards, `src/core/server/saved_objects`: a request that changes something needs `osd-xsrf`; an import is a
multipart form with a `file` that ends in `.ndjson`; what an object refers to must be in the file or stored; an unknown type is not taken.
"""

import json
from email import message_from_bytes
from email.policy import HTTP

from tests.support.http_server import HttpServer

API = "/api/saved_objects"
TYPES = frozenset({"index-pattern", "search", "visualization", "dashboard", "correlations"})


class DashboardsServer(HttpServer):
    """Dashboards on this machine; ``objects`` are those that are stored, by type and id.

    Args:
        base: its base path.
        types: the types of objects that it knows.
        answer: what it answers instead, a status, a content and headers; None for as Dashboards does.
    """

    def __init__(self, base="/_dashboards", types=TYPES, answer=None):
        super().__init__(self._answer)
        self.base, self.types, self.instead = base, types, answer
        self.url = f"{self.endpoint}{base}"
        self.objects, self.requests = {}, []

    def _answer(self, request):
        self.requests.append(request)
        if self.instead:
            return self.instead
        if not request.path.startswith(self.base + API) or request.method != "POST":
            return 404, {"statusCode": 404, "error": "Not Found", "message": "Not Found"}
        if "osd-xsrf" not in request.headers:
            return 400, {"statusCode": 400, "error": "Bad Request", "message": "Request must contain a osd-xsrf header."}
        if request.path.endswith("/_bulk_get"):
            return 200, {"saved_objects": [self._got(each) for each in json.loads(request.body)]}
        return self._import(request)

    def _got(self, asked):
        if asked["type"] not in self.types:
            error = {"statusCode": 400, "error": "Bad Request", "message": f"Unsupported saved object type: '{asked['type']}': Bad Request"}
        else:
            error = {"statusCode": 404, "error": "Not Found", "message": f"Saved object [{asked['type']}/{asked['id']}] not found"}
        return self.objects.get((asked["type"], asked["id"])) or {**asked, "error": error}

    def _import(self, request):
        form = message_from_bytes(b"content-type: " + request.headers["content-type"].encode() + b"\r\n\r\n" + request.body, policy=HTTP)
        (part,) = form.iter_parts()
        assert part.get_param("name", header="content-disposition") == "file"
        if not part.get_filename().endswith(".ndjson"):
            return 400, {"statusCode": 400, "error": "Bad Request", "message": "Invalid file extension"}
        lines = [json.loads(line) for line in part.get_payload(decode=True).decode().splitlines()]
        objects = {(each["type"], each["id"]): each for each in lines}
        errors = []
        for key, each in objects.items():
            missing = [{"type": refers["type"], "id": refers["id"]} for refers in each["references"]
                       if refers["type"] in {"index-pattern", "search"} and (refers["type"], refers["id"]) not in {**objects, **self.objects}]  # fmt: skip
            error = {"type": "unsupported_type"} if key[0] not in self.types else {"type": "missing_references", "references": missing} if missing else \
                    {"type": "conflict"} if key in self.objects and request.target.rpartition("?")[2] != "overwrite=true" else None  # fmt: skip
            if error:
                errors.append({"type": key[0], "id": key[1], "error": error, "meta": {}})
            else:
                self.objects[key] = self._stored(each)
        answer = {"success": not errors, "successCount": len(objects) - len(errors)}
        return 200, answer | ({"errors": errors} if errors else {})

    def _stored(self, given):
        """An object with what Dashboards adds to it, and the JSON of its texts in another order."""
        attributes = dict(given["attributes"])
        if "visState" in attributes:
            attributes["visState"] = json.dumps(dict(reversed(json.loads(attributes["visState"]).items())))
        if given["type"] == "index-pattern":
            attributes["fields"] = "[]"
        return given | {
            "attributes": attributes,
            "updated_at": "2026-11-24T10:00:00.000Z",
            "version": "WzEsMV0=",
            "namespaces": ["default"],
        }
