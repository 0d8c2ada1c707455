"""Nothing secret reaches OpenSearch or a message, whichever way it comes."""

import json
from dataclasses import replace

import pytest

from pipeline.local.application import local_aws
from pipeline.local.inbox import Inbox
from pipeline.local.spans_feed import spans_of, subscription_event
from pipeline.resolve import Resolver
from pipeline.sns import Topic
from tests.events import NOW, REQUEST, TRACE, Traces, call, document, function, lambda_event, packed, powertools, report, service
from tests.functional.test_ship import shipped

SECRETS = (
    "hunter2",
    "s3cr3t-of-span",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF",
    "topsecret-header",
    "pa55w0rd",
    "ACME0007",
)
FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "LoginError", "message": "refused password=hunter2 for postgres://app:pa55w0rd@db/x",
                                                   "stack": [{"path": "app.py", "line": 1, "label": "login(token='hunter2')"}]}]}}  # fmt: skip


@pytest.fixture(scope="module")
def aws():
    """A local AWS for the module."""
    with local_aws() as endpoint:
        yield endpoint


def dump(store):
    """Every document of the prefix, as text."""
    store.refresh()
    hits = store.scan({"match_all": {}}, index=f"{store.prefix}-*")
    return {f"{hit.index}/{hit.id}": json.dumps(hit.source) for hit in hits}


def test_nothing_secret_is_stored_or_sent(store, settings, aws):
    """Lines of every kind, segments, spans through aws/spans, what can't be read; the ids, the keys and the neighbours are there."""
    settings = replace(settings, redact_patterns=("ACME[0-9]+",))
    lines = [
        powertools("login", user="u17", password="hunter2", headers={"Authorization": "Bearer topsecret-header"}),
        powertools("body", body=json.dumps({"token": "hunter2", "kept": 1})),
        f"[ERROR]\t2026-11-24T10:00:00.000Z\t{REQUEST}\tLoginError: api_key=hunter2 ACME0007 AKIAIOSFODNN7EXAMPLE",
        "Traceback (most recent call last):\n  connect('postgres://app:pa55w0rd@db/x')\nLoginError: x-api-key: hunter2",
        f"{REQUEST} eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF is refused", "a quiet neighbour", report(),
        "x" * 300_000 + " password=hunter2",
    ]  # fmt: skip
    shipped(lambda_event(lines), store, settings)
    broken = document(["fine"])
    broken["logEvents"].append({"id": "1", "password": "hunter2"})
    shipped({"awslogs": {"data": packed(broken)}}, store, settings)
    shipped({"Records": ["password=hunter2"]}, store, settings)
    inside = call("api", "c" * 16, http={"request": {"method": "GET", "url": "https://x/y?token=hunter2&z=1"}, "response": {"status": 200}},
                  annotations={"api_key": "s3cr3t-of-span", "user": "u17"}, metadata={"default": {"body": '{"password": "s3cr3t-of-span"}'}})  # fmt: skip
    documents = service(**FAILED), function(subsegments=[inside], **FAILED)
    spans = [span for one in documents for span in spans_of(one)]
    shipped(subscription_event([*spans, {"traceId": "no span", "password": "hunter2"}], at=NOW), store, settings)
    inbox = Inbox(aws, settings.prefix)
    resolver = Resolver(
        store=store, source=Traces(*documents), settings=settings, topic=Topic(inbox.client, inbox.arn), clock=lambda: NOW / 1000 + 60
    )
    resolver.resolve([TRACE])
    resolver.sweep(force=True)
    stored = dump(store)
    told = inbox.receive()
    assert len(told) == 1
    for place, text in [*stored.items(), ("message", told[0].subject + told[0].text)]:
        for secret in SECRETS:
            assert secret not in text, f"{secret} in {place}: {text[max(text.find(secret) - 100, 0) : text.find(secret) + 50]}"
    everything = "\n".join(stored.values())
    for kept in ("a quiet neighbour", TRACE, REQUEST, "u17", "LoginError", "[redacted]", "https://x/y?token=[redacted]&z=1"):
        assert kept in everything, kept
    assert "LoginError: refused password=[redacted]" in told[0].text
    assert sum("dead-letters" in place for place in stored) == 3


def test_a_switch_turns_it_off_and_changes_no_id(store, settings):
    """The same event, shipped without redaction after it was shipped with it, is a duplicate: no id depends on the setting."""
    event = lambda_event([powertools("login", password="hunter2")])
    assert shipped(event, store, settings).ledger.indexed == 1
    assert shipped(event, store, replace(settings, redact=False)).ledger.duplicate == 1
    nameless = document(["password=hunter2"], at=NOW + 50)
    nameless["logEvents"][0]["id"] = ""
    assert shipped({"awslogs": {"data": packed(nameless)}}, store, settings).ledger.indexed == 1
    assert shipped({"awslogs": {"data": packed(nameless)}}, store, replace(settings, redact=False)).ledger.duplicate == 1
    assert "hunter2" not in "".join(dump(store).values())
