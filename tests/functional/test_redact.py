"""Redaction, against the embedded and a real OpenSearch: nothing secret is in any index, whichever way it came."""

import json
from dataclasses import replace

from pipeline.local.aws_spans import spans_of, subscription_event
from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from tests.support.events import NOW, REQUEST, TRACE, Traces, call, edge, function, lambda_event, packed, powertools, report, service, start
from tests.support.shipping import shipped
from tests.support.stores import both_kinds

OTHER_TRACE = "5759e98abd862e3fe1be46a994272794"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1r"
KEY_ID = "ASIAIOSFODNN7EXAMPLE"
SECRETS = ("hunter2", JWT, KEY_ID)
HEADERS = {"Authorization": f"Bearer {JWT}", "X-Api-Key": "hunter2", "Cookie": "session=hunter2; n=1", "Accept": "kept-accept"}


def everything(store):
    """Every document of every index of the prefix, as one text."""
    store.refresh()
    hits = store.scan({"match_all": {}}, index=f"{store.prefix}-*")
    return "\n".join(json.dumps([hit.index, hit.id, hit.source]) for hit in hits)


def ship_all(store, settings):
    """Ships secrets in lines, in spans, in events and envelopes that can't be read, and in segments."""
    response = {"statusCode": 500, "headers": HEADERS, "body": json.dumps({"password": "hunter2", "order": "kept-order"})}
    lines = [
        start(),
        powertools("called", headers=HEADERS, event=json.dumps({"headers": HEADERS}), level="ERROR", correlation_id=KEY_ID, n="kept-attribute",
                   exception=f"Traceback: PaymentError: refused with password=hunter2 for {KEY_ID}"),
        powertools("answered", response=response),
        f"token={JWT} kept-text",
        f"{{'response': {response!r}}}",
        report(),
    ]  # fmt: skip
    # this one has a body that OpenSearch refuses with its attributes, and an id that follows from content
    ledgers = [shipped(lambda_event(lines), store, settings).ledger]
    broken = {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "/aws/lambda/orders", "logStream": "s",
              "logEvents": [{"id": "1", "timestamp": "never", "message": "password=hunter2 kept-event"}]}  # fmt: skip
    ledgers.append(shipped({"awslogs": {"data": packed(broken)}}, store, settings).ledger)
    ledgers.append(shipped({"awslogs": {"data": f"password=hunter2 {JWT} kept-envelope"}}, store, settings).ledger)
    failure = {
        "exceptions": [
            {
                "id": "1",
                "type": "PaymentError",
                "message": f"refused: {HEADERS}",
                "stack": [{"path": "x?token=hunter2", "label": "f", "line": 1}],
            }
        ]
    }
    url = f"https://u:hunter2@pay.example/kept-path?access_token={JWT}&n=1&X-Amz-Credential={KEY_ID}%2F20261124"
    payment = call("pay", "cccccccccccccccc", fault=True, cause=failure, http={"request": {"method": "POST", "url": url}, "response": {"status": 500}},
                   sql={"url": "postgres://u:hunter2@db/kept-db", "sanitized_query": "kept-query"})  # fmt: skip
    told = {
        "metadata": {"default": {"headers": HEADERS, "n": "kept-metadata"}},
        "annotations": {"token": "hunter2", "n": "kept-annotation"},
    }
    span = service("dddddddddddddddd", trace_id=to_xray(OTHER_TRACE), name="pay", subsegments=[payment], annotations=told["annotations"])
    spans = [*spans_of(span), {"spanId": "none", "password": "hunter2", "n": "kept-span"}]
    ledgers.append(shipped(subscription_event(spans, at=NOW), store, settings).ledger)
    source = Traces(edge(200), service(parent_id="bbbbbbbbbbbbbbbb"), function(subsegments=[payment], **told))
    worker = Resolver(store=store, source=source, settings=settings, clock=lambda: NOW / 1000 + 60)
    worker.resolve([TRACE, OTHER_TRACE])
    return ledgers


@both_kinds
def test_nothing_secret_is_in_any_index(store, settings):
    """Lines, payloads as evidence, spans, verdicts and dead letters hold no secret; ids, keys and neighbours are there, and no event is lost."""
    ledgers = ship_all(store, settings)
    assert [ledger.indexed for ledger in ledgers] == [6, 0, 0, 2]
    assert [ledger.dead_lettered + ledger.bad_envelopes for ledger in ledgers] == [0, 1, 1, 1]
    found = everything(store)
    for secret in SECRETS:
        assert secret not in found
    kept = ("accept", "order", "attribute", "text", "event", "envelope", "path", "db", "query", "metadata", "annotation", "span")
    assert [name for name in kept if f"kept-{name}" not in found] == []
    for name in (TRACE, OTHER_TRACE, REQUEST, "PaymentError", "X-Api-Key", "access_token", "error-payload", "edge-ok-downstream-fault"):
        assert name in found, name


def test_off_means_that_everything_is_indexed_as_it_came(store, settings):
    """With redaction off the same events are indexed under the same ids, secrets and all; so a later delivery adds nothing."""
    ship_all(store, settings)
    before = {id_ for _, id_, _ in map(json.loads, everything(store).splitlines())}
    ledgers = ship_all(store, replace(settings, redact=False))
    assert [ledger.indexed for ledger in ledgers[:3]] == [0, 0, 0]
    assert {id_ for _, id_, _ in map(json.loads, everything(store).splitlines())} == before


def test_off_indexes_secrets(store, settings):
    """Where redaction is off, and only there, a password is found in its line."""
    shipped(lambda_event(["password=hunter2"]), store, replace(settings, redact=False))
    assert "hunter2" in everything(store)


class Told:
    """A topic that keeps what it is sent."""

    def __init__(self):
        self.texts = []

    def publish(self, subject, text, attributes):
        self.texts.append(f"{subject}\n{text}\n{attributes}")


def test_nothing_secret_is_sent(store, settings):
    """A message is made of an exception and of lines that hold secrets: the exception and the lines are there, the secrets are not."""
    failed = {
        "error": True,
        "cause": {"exceptions": [{"id": "1", "type": "LoginError", "message": "refused password=hunter2 kept-message"}]},
    }
    lines = [
        start(),
        powertools(f"login failed with {JWT} kept-line", level="ERROR", token="hunter2", exception_name="LoginError"),
        report(),
    ]
    shipped(lambda_event(lines), store, settings)
    told = Told()
    source = Traces(service(**failed), function(**failed))
    Resolver(store=store, source=source, settings=settings, topic=told, clock=lambda: NOW / 1000 + 60).resolve([TRACE])
    (text,) = told.texts
    assert not any(secret in text for secret in SECRETS), text
    assert all(kept in text for kept in ("LoginError", "kept-message", "kept-line", "[redacted]", to_xray(TRACE)))
