"""A stand-in for a collection of type SEARCH of Amazon OpenSearch Serverless, in front of an OpenSearch that does the work.

It lets through what AWS documents ("Supported operations and plugins in Amazon OpenSearch Serverless", developer guide, as of 2026) and
nothing else, each operation under the permission of a data access policy that the page names. All of it is stricter than AWS where AWS
says nothing: no index settings but codecs, no sequence numbers (its answers show them as 0, as public samples do), no `POST /_mget`.
Each request must be signed for `aoss` (SigV4; "Signing HTTP requests to Amazon OpenSearch Service": X-Amz-Content-SHA256 is required).
What is written shows after ``lag`` seconds, where the OpenSearch behind it can do that (the embedded one can't); in gets, too, but where a
test says that they are realtime: AWS promises neither.
"""

import gzip
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import parse_qsl, quote, unquote

import msgspec

from pipeline.configure import store_for
from tests.support.http_server import Answer, Forwarder, HttpServer, Request
from tests.support.waiting import PATIENCE

REGION, ACCESS_KEY, SECRET_KEY, TOKEN = "eu-west-1", "AKIDEXAMPLE", "a-secret", "a-token"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_SESSION_TOKEN": TOKEN, "AWS_REGION": REGION}
DOCUMENT = {"@timestamp": "2026-11-24T10:00:00.123Z", "doc": {"kind": "log"}, "trace": {"state": "pending", "version": 0}}

_OPERATIONS = {
    "aoss:CreateIndex": ["PUT /<index>"],
    "aoss:DeleteIndex": ["DELETE /<name>"],
    "aoss:DescribeIndex": ["GET /<index>", "GET /<index>/_mapping", "GET /<index>/_settings", "GET /_cat/indices", "GET /_resolve/index/<index>",
                           "HEAD /<index>"],
    "aoss:UpdateIndex": ["PUT /<index>/_mapping", "PUT /<index>/_settings"],
    "aoss:WriteDocument": ["POST /_bulk", "POST /<index>/_bulk", "POST /<index>/_doc", "PUT /<index>/_doc/<id>", "DELETE /<index>/_doc/<id>",
                           "POST /<index>/_create/<id>", "PUT /<index>/_create/<id>", "POST /<index>/_update/<id>"],
    "aoss:ReadDocument": ["GET /_mget", "GET /<index>/_mget", "GET /<index>/_doc/<id>", "HEAD /<index>/_doc/<id>", "GET /<index>/_source/<id>",
                          "GET /_search", "POST /_search", "GET /<index>/_search", "POST /<index>/_search", "GET /<index>/_count",
                          "POST /<index>/_count", "GET /<index>/_msearch", "GET /<index>/_field_caps", "POST /<index>/_field_caps",
                          "POST /<index>/_search/point_in_time", "DELETE /_search/point_in_time", "GET /_search/point_in_time/_all",
                          "DELETE /_search/point_in_time/_all"],
    "aoss:CreateCollectionItems": ["POST /_aliases"],
    "aoss:DescribeCollectionItems": ["GET /_alias", "GET /_alias/<name>", "GET /_cat/aliases", "GET /_cat/templates",
                                     "GET /_component_template", "GET /_component_template/<name>", "HEAD /_component_template/<name>",
                                     "GET /_index_template", "GET /_index_template/<name>", "HEAD /_index_template/<name>"],
    "aoss:UpdateCollectionItems": ["PUT /_component_template/<name>", "POST /_component_template/<name>", "PUT /_index_template/<name>",
                                   "POST /_index_template/<name>", "PUT /<index>/_alias/<name>", "POST /<index>/_alias/<name>"],
    "aoss:DeleteCollectionItems": ["DELETE /_component_template/<name>", "DELETE /_index_template/<name>", "DELETE /<index>/_alias/<name>"],
}  # fmt: skip
_SEGMENTS = {"<index>": r"[^_/][^/]*", "<name>": r"[^_/*][^/*]*", "<id>": r"[^/]+"}
_CODECS = {"default", "zstd", "zstd_no_dict"}
_UNDOCUMENTED = re.compile(rb'"(if_seq_no|if_primary_term|seq_no_primary_term)"')


def _pattern(operation):
    return re.compile("".join(_SEGMENTS.get(part, re.escape(part)) for part in re.split(r"(<\w+>)", operation)))


_TABLE = [(_pattern(operation), operation, permission) for permission, operations in _OPERATIONS.items() for operation in operations]


class Refusal(Exception):
    """An answer in the place of OpenSearch's."""

    def __init__(self, status, kind="", reason="", content=None):
        self.status = status
        content = content or (kind and {"error": {"type": kind, "reason": reason}, "status": status})
        self.body = json.dumps(content).encode() if content else b""


class Collection:
    """The collection's memory, and what a test may ask of it.

    Attributes:
        endpoint: where it answers.
        granted: the permissions of the one who asks; everything by default.
        seen: each operation that was let through, with its permission.
        refused: each request that was not, with the status.
        realtime: whether gets show at once what is written.
        newborn: daily indices that bulk requests can't find yet, though they were told to make them.
    """

    def __init__(self, behind, lag=None):
        self.lag = lag
        self.endpoint = ""
        self.granted = set(_OPERATIONS)
        self.seen: set[tuple[str, str]] = set()
        self.refused: list[tuple[str, int]] = []
        self.realtime = False
        self.newborn: set[str] = set()
        self._forward = Forwarder(behind, keep={"content-type", "content-encoding"})

    def answer(self, request: Request) -> Answer:
        """What a collection answers."""
        method, headers, body = request.method, request.headers, request.body
        path, _, query = request.target.partition("?")
        plain = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        try:
            _check_signature(method, path, query, headers, body)
            operation, permission = self._operation(method, path)
            self._check(operation, permission, path, query, plain)
        except Refusal as refusal:
            self.refused.append((f"{method} {path}", refusal.status))
            return refusal.status, refusal.body
        self.seen.add((operation, permission))
        if self.lag is not None:
            request = self._delayed(operation, request)
        status, data, more = self._forward(request)
        return status, re.sub(rb'"(_seq_no|_primary_term)"\s*:\s*\d+', rb'"\1":0', data), more

    def _operation(self, method, path):
        for pattern, operation, permission in _TABLE:
            if pattern.fullmatch(f"{method} {unquote(path)}"):
                return operation, permission
        raise Refusal(404)

    def _check(self, operation, permission, path, query, body):
        if permission not in self.granted:
            raise Refusal(403, "security_exception", f"no {permission}")
        if "refresh" in dict(parse_qsl(query, keep_blank_values=True)):
            raise Refusal(400, "status_exception", "true refresh policy is not supported.")
        if _UNDOCUMENTED.search(body) or "if_seq_no" in query:
            raise Refusal(400, "illegal_argument_exception", "sequence numbers are not documented")
        if operation.endswith("template/<name>") or operation in {"PUT /<index>", "PUT /<index>/_settings"}:
            _check_settings(json.loads(body or b"{}"))
        if operation.endswith("/_bulk"):
            self._check_bulk(body)

    def _check_bulk(self, body):
        actions = [action for line in body.splitlines() for action in json.loads(line).items() if action[0] in {"create", "index"}]
        indices = {address["_index"] for _, address in actions if isinstance(address, dict) and "_index" in address}
        if self.newborn & indices:
            self.newborn -= indices
            unknown = {"status": 404, "error": {"type": "index_not_found_exception", "reason": "no such index"}}
            raise Refusal(200, content={"errors": True, "items": [{kind: unknown} for kind, _ in actions]})
        if "aoss:CreateIndex" not in self.granted and any(
            self._forward(Request("HEAD", f"/{index}", {}, b""))[0] == 404 for index in indices
        ):
            raise Refusal(403, "security_exception", "no aoss:CreateIndex")

    def _delayed(self, operation, request):
        """The request as the OpenSearch behind has to get it, so that what is written takes a while to show."""
        if operation == "PUT /_component_template/<name>" and request.path.endswith("-settings"):
            content = json.loads(request.body)
            content["template"]["settings"] |= {"index": {"refresh_interval": f"{int(self.lag * 1000)}ms"}}
            return replace(request, body=json.dumps(content).encode())
        if operation.endswith("/_mget") and not self.realtime:
            return replace(request, target=f"{request.target}{'&' if '?' in request.target else '?'}realtime=false")
        return request


def _check_settings(content):
    settings = content.get("template", content).get("settings", {})
    for name, value in _flat(settings):
        if name.removeprefix("index.") not in {"codec", "codec.compression_level"} or (name.endswith("codec") and value not in _CODECS):
            raise Refusal(400, "illegal_argument_exception", f"[{name}] is managed by OpenSearch Serverless")


def _flat(content, start=""):
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{start}{key}.")
        else:
            yield f"{start}{key}", value


def _check_signature(method, path, query, headers, body):
    """What AWS does with a signature ("Create a signed AWS API request"), written down once more: nothing of botocore is in it."""
    payload = hashlib.sha256(body).hexdigest()
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([\w-]+)/(\w+)/aws4_request, SignedHeaders=([\w;-]+), Signature=(\w{64})",
        headers.get("authorization", ""),
    )
    if found is None or headers.get("x-amz-content-sha256") != payload:
        raise Refusal(403, "security_exception", "the request is not signed, or not with its content")
    key, day, region, service, names, signature = found.groups()
    signed = "".join(f"{name}:{headers[name].strip()}\n" for name in names.split(";"))
    uri = "/".join(quote(segment, safe="-_.~") for segment in path.split("/"))
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parse_qsl(query, keep_blank_values=True))
    request = "\n".join((method, uri, "&".join(f"{name}={value}" for name, value in pairs), signed, names, payload))
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(request.encode()).hexdigest()))
    secret = f"AWS4{SECRET_KEY}".encode()
    for part in (day, region, service, "aws4_request", text):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    wanted = {"host", "x-amz-date", "x-amz-security-token"} <= set(names.split(";")) and "content-length" not in names
    if (key, region, service, signature, wanted) != (ACCESS_KEY, REGION, "aoss", secret.hex(), True):
        raise Refusal(403, "security_exception", "the signature does not match")


@contextmanager
def in_front_of(behind, *, lag=None) -> Iterator[Collection]:
    """Serves a collection in front of the OpenSearch at ``behind``; what is written shows after ``lag`` seconds."""
    collection = Collection(behind, lag)
    with HttpServer(collection.answer) as server:
        collection.endpoint = server.endpoint
        yield collection


def process(options, collection):
    """A store as a new process has it: it remembers nothing that another one wrote."""
    store = store_for(options)
    seconds = 0.2 if collection.lag is None else collection.lag + 0.5
    store.capabilities = msgspec.structs.replace(store.capabilities, visible_after=seconds)
    return store


def patience(store):
    """Waits until everybody sees everything."""
    time.sleep(store.capabilities.visible_after)


def settled(worker, store):
    """Sweeps until nothing has been open for as long as something may be out of sight; returns all that the sweeps came to."""
    quiet_since, found, deadline = time.time(), [], time.time() + PATIENCE
    while True:
        began = time.time()
        found.append(worker.sweep())
        if found[-1].unsettled:
            quiet_since = time.time()
        elif began - quiet_since > store.capabilities.visible_after:
            return found
        assert time.time() < deadline, found[-1]
        time.sleep(0.2)


class Listener:
    """Who is told."""

    def __init__(self):
        self.heard = []

    def publish(self, subject, text, attributes):
        self.heard.append((subject, attributes["rules"]))
