"""OpenSearch's security plugin in front of an OpenSearch without one: its API of roles and role mappings, as its documentation has it."""

import json

from tests.support.http_server import Forwarder, HttpServer

_API = "/_plugins/_security/api/"
_KEYS = {"roles": {"description", "cluster_permissions", "index_permissions", "tenant_permissions"},
         "rolesmapping": {"description", "backend_roles", "and_backend_roles", "hosts", "users"}}  # fmt: skip
# what it adds to each object
_OWN = {"reserved": False, "hidden": False}
_EMPTY = {"roles": {"static": False, "tenant_permissions": []}, "rolesmapping": {"hosts": [], "users": [], "and_backend_roles": []}}


class SecurityPlugin(HttpServer):
    """Runs while it is used as a context manager.

    Attributes:
        objects: roles and mappings by kind and name.
        written: the paths that were put.
        answer: what it says to every request for its API, where it is set.
    """

    def __init__(self, target):
        super().__init__(self._answer)
        self._forward = Forwarder(target)
        self.objects, self.written, self.answer = {"roles": {}, "rolesmapping": {}}, [], None

    def _answer(self, request):
        if not request.path.startswith(_API):
            return self._forward(request)
        if self.answer:
            return self.answer
        kind, _, name = request.path.removeprefix(_API).partition("/")
        if request.method == "GET":
            found = self.objects[kind].get(name)
            return (200, {name: found}) if found else (404, {"status": "NOT_FOUND", "message": f"Resource '{name}' not found."})
        assert request.method == "PUT"
        self.written.append(request.path)
        return self._put(kind, name, json.loads(request.body))

    def _put(self, kind, name, body):
        if unknown := set(body) - _KEYS[kind]:
            return 400, {"status": "error", "reason": "Invalid configuration", "invalid_keys": {"keys": ",".join(unknown)}}
        for permission in body.get("index_permissions", ()):
            permission.update({"dls": None, "fls": [], "masked_fields": []})
        status = "OK" if name in self.objects[kind] else "CREATED"
        self.objects[kind][name] = _EMPTY[kind] | body | _OWN
        return 200, {"status": status, "message": f"'{name}' updated."}
