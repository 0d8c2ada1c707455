"""Accounts: only the allowed ones are shipped, and no other account's spans replace the stack's own."""

import base64
import gzip
import json
from dataclasses import replace
from itertools import permutations

import pytest

from pipeline.local.aws_spans import subscription_event
from pipeline.ship import Ledger
from tests.support.events import NOW, TRACE, document, packed, powertools
from tests.support.otel_spans import SPAN
from tests.support.shipping import adds_up, lines_of, resolver, shipped

OWN, OTHER, LOWER, STRANGER = "111111111111", "222222222222", "000000000001", "999999999999"
DAY = 86_400_000_000_000
BEGAN = NOW * 1_000_000


@pytest.fixture
def allowed(settings):
    """Settings of a stack in one account that takes two others' events."""
    return replace(settings, allowed_accounts=(OWN, OTHER, LOWER))


def spans(owner, **more):
    """A subscription document of `aws/spans` of this account, with the same span that each account claims to have."""
    span = SPAN | {"startTimeUnixNano": BEGAN, "endTimeUnixNano": BEGAN + 1_000_000, "parentSpanId": "", "links": []} | more
    content = json.loads(gzip.decompress(base64.b64decode(subscription_event([span], at=NOW)["awslogs"]["data"])))
    return event_of(content, owner)


def event_of(content, owner):
    """A subscription document of this account, as Kinesis delivers it."""
    return {"Records": [{"kinesis": {"data": packed(content | {"owner": owner})}}]}


@pytest.mark.parametrize("group", ["/aws/lambda/orders", "aws/spans"])
@pytest.mark.parametrize("owner", [STRANGER, "", "111111111111 ", "nobody"])
def test_what_other_accounts_send_is_filtered_and_counted(store, allowed, owner, group):
    """Lines, spans and unreadable events of an account that is not allowed are in no index; an allowed neighbour's line is."""
    content = document([powertools("a"), powertools("b"), powertools("c")], group=group)
    del content["logEvents"][2]["message"]
    events = [event_of(content, owner), event_of(document([powertools("mine")]), OTHER)]
    shipment = shipped({"Records": [record for event in events for record in event["Records"]]}, store, allowed)
    assert shipment.ledger == Ledger(received=4, indexed=1, filtered=3)
    assert shipment.foreign == {owner: 3}
    assert adds_up(shipment.ledger)
    store.refresh()
    assert store.search({"size": 0, "track_total_hits": True}, index=f"{store.prefix}-*")["hits"]["total"]["value"] == 1


def sourced(messages, owner, *accounts):
    """A subscription document of a centralized log group, whose events name the accounts that they came from."""
    content = document(messages, owner=owner)
    for event, account in zip(content["logEvents"], accounts, strict=True):
        event["extractedFields"] = {"@aws.account": account, "@aws.region": "eu-central-1"}
    return {"awslogs": {"data": packed(content)}}


def test_an_event_s_own_account_has_to_be_allowed_as_well(store, allowed):
    """Of one document each event by its own account; whoever may not deliver can't speak for an account that may."""
    shipment = shipped(sourced([powertools(name) for name in "abc"], OWN, OTHER, STRANGER, OWN), store, allowed)
    assert (shipment.ledger, shipment.foreign) == (Ledger(received=3, indexed=2, filtered=1), {STRANGER: 1})
    shipment = shipped(sourced([powertools("d")], STRANGER, OWN), store, allowed)
    assert (shipment.ledger, shipment.foreign) == (Ledger(received=1, filtered=1), {STRANGER: 1})
    assert {(line["body"], line["aws"]["accountId"]) for line in lines_of(store)} == {("a", OTHER), ("c", OWN)}


def test_centralized_events_come_once_with_and_without_their_fields(store, settings):
    """Delivered again by a filter that emits them, or by a backfill, which has none: a duplicate."""
    first = shipped(sourced([powertools("a"), powertools("b")], OWN, OTHER, LOWER), store, settings).ledger
    again = shipped({"awslogs": {"data": packed(document([powertools("a"), powertools("b")], owner=OWN))}}, store, settings).ledger
    assert (first.indexed, again.duplicate, again.indexed) == (2, 2, 0)
    assert {line["aws"]["accountId"] for line in lines_of(store)} == {OTHER, LOWER}


def test_the_pipeline_s_own_lines_never_end_even_where_they_are_centralized(store, settings):
    """Neither by the name of the copy nor by that of the log group that they came from."""
    own = replace(settings, own_log_group="/aws/lambda/tracejoin-ship")
    content = document([powertools("a")], group="central/all")
    content["logEvents"][0]["extractedFields"] = {"@aws.account": OTHER, "@source.log": own.own_log_group}
    assert shipped({"awslogs": {"data": packed(content)}}, store, own).ledger == Ledger(received=1, filtered=1)


def test_centralized_spans_are_of_the_account_that_they_came_from(store, allowed):
    """A copy of another account's aws/spans in the stack's own account replaces none of its spans."""
    (record,) = spans(OWN)["Records"]
    content = json.loads(gzip.decompress(base64.b64decode(record["kinesis"]["data"])))
    for event in content["logEvents"]:
        event["extractedFields"] = {"@aws.account": OTHER, "@source.log": "aws/spans"}
    assert shipped({"awslogs": {"data": packed(content | {"logGroup": "central/spans"})}}, store, allowed).ledger.indexed == 1
    (span,) = lines_of(store)
    assert span["state"]["account"] == OTHER


def test_without_a_choice_every_account_is_shipped(store, settings):
    """A laptop ships recorded events of any account."""
    assert shipped(event_of(document([powertools("a")]), STRANGER), store, settings).ledger.indexed == 1


LIES = {
    "same span": {OTHER: {"endTimeUnixNano": BEGAN + 9_000_000}, LOWER: {"endTimeUnixNano": BEGAN + 8_000_000}},
    "other days": {OTHER: {"startTimeUnixNano": BEGAN - DAY}, LOWER: {"startTimeUnixNano": BEGAN - 2 * DAY}},
    "outside": {OTHER: {"startTimeUnixNano": BEGAN - 50 * DAY}, LOWER: {"startTimeUnixNano": BEGAN - 60 * DAY}},
}


@pytest.mark.parametrize("lies", LIES.values(), ids=LIES)
@pytest.mark.parametrize("resolved_between", [False, True], ids=["at the end", "each time"])
def test_no_other_account_s_span_replaces_the_stack_s_own(store, allowed, lies, resolved_between):
    """The own span failed; two others claim that the same one went well, and ended later: in any order it stays what its account says."""
    ends = []
    for number, order in enumerate(permutations([OWN, OTHER, LOWER])):
        trace_id = f"{TRACE[:-2]}{number:02x}"
        claims = {OWN: {}} | {owner: {"status": {"code": "OK"}, "attributes": {"http.response.status_code": 200}, "events": []} | lie
                              for owner, lie in lies.items()}  # fmt: skip
        worker, _ = resolver(store, allowed)
        for owner in order:
            ledger = shipped(spans(owner, traceId=trace_id, **claims[owner]), store, allowed).ledger
            assert adds_up(ledger)
            if resolved_between:
                worker.resolve([trace_id], force=True)
        for _ in range(2):
            worker.resolve([trace_id], force=True)
        (span,) = (one for one in lines_of(store, trace_id) if one["traceId"] == trace_id)
        record = store.get_many([(f"{store.prefix}-traces", trace_id)])[0].source
        assert record["state"]["segments"][SPAN["spanId"]] == span["state"]
        ends.append({name: span[name] for name in ("status", "startTime", "endTime", "state", "events", "attributes")})
    assert all(end == ends[0] for end in ends)
    assert ends[0]["status"]["code"] == 2
    assert "account" not in ends[0]["state"]


def test_where_no_account_is_the_own_one_the_end_is_the_same_in_any_order(store, settings):
    """A laptop ships two accounts' files: one of them has the span, whichever came first."""
    ends = []
    for number, order in enumerate(permutations([OTHER, LOWER])):
        trace_id = f"{TRACE[:-2]}{number:02x}"
        for owner in order:
            shipped(spans(owner, traceId=trace_id, name=owner), store, settings)
        (span,) = (one for one in lines_of(store, trace_id) if one["traceId"] == trace_id)
        ends.append((span["name"], span["state"]["account"]))
    assert ends == [(LOWER, LOWER)] * 2


def test_another_account_s_own_spans_are_part_of_the_trace(store, allowed):
    """A trace that crosses allowed accounts has the spans of both."""
    shipped(spans(OWN), store, allowed)
    shipped(spans(OTHER, spanId="2222222222222222", parentSpanId=SPAN["spanId"]), store, allowed)
    assert {span["spanId"] for span in lines_of(store)} == {SPAN["spanId"], "2222222222222222"}
