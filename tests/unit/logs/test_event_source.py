"""Event source: where an event came from by its system fields, which may differ within one document."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.logs.decode import LogBatch, SourcedBatch, decode_event
from pipeline.settings import Settings
from pipeline.ship import prepare
from tests.support.events import document, lambda_event, packed, powertools, report, start

CENTRAL, ONE, OTHER = "123456789012", "111111111111", "222222222222"
GROUP = "/aws/lambda/orders"
HOME = {"accountId": CENTRAL, "region": "eu-central-1", "logGroup": GROUP, "logStream": "s"}


def fields(account=ONE, region="eu-west-1", log_group=GROUP):
    """The fields that CloudWatch Logs puts beside an event."""
    return {"@aws.account": account, "@aws.region": region, "@source.log": log_group}


def addressed(content):
    """By message: the id and the ``aws`` object of each document that is made of a subscription document."""
    decoded = decode_event({"awslogs": {"data": packed(content)}}, max_bytes=10**7)
    assert not decoded.bad_envelopes
    assert not decoded.bad_events
    found = {}
    for action, line in prepare(decoded, Settings(region="eu-central-1")):
        made = json.loads(msgspec.json.encode(line))
        found[made["body"]] = action.create.id, made["aws"]
    return found


def content_with(*extracted, group=GROUP, **more):
    """A document with an event for each of these fields; None for an event without any."""
    made = document([f"line {number}" for number in range(len(extracted))], group=group, **more)
    for event, given_fields in zip(made["logEvents"], extracted, strict=True):
        if given_fields is not None:
            event["extractedFields"] = given_fields
    return made


def test_each_event_of_a_document_is_of_the_account_and_region_that_it_names():
    """Three sources in one document, and an event that names none, which is the document's own."""
    found = addressed(content_with(fields(), fields(OTHER, "us-gov-east-1", "payments"), None, fields(), group="central"))
    aws = [found[f"line {number}"][1] for number in range(4)]
    delivered = {"deliveredFrom": {"accountId": CENTRAL, "logGroup": "central"}}
    assert aws[0] == aws[3] == HOME | {"accountId": ONE, "region": "eu-west-1"} | delivered
    assert aws[1] == HOME | {"accountId": OTHER, "region": "us-gov-east-1", "logGroup": "payments"} | delivered
    assert aws[2] == HOME | {"logGroup": "central"}


def test_no_id_follows_from_the_fields():
    """A filter that begins to emit them, or a backfill, which has none, makes no second copy."""
    plain = addressed(content_with(None, None, group="central"))
    assert {id_ for id_, _ in plain.values()} == {
        id_ for id_, _ in addressed(content_with(fields(), fields(OTHER), group="central")).values()
    }


def test_equal_events_without_an_id_of_two_accounts_are_two_documents():
    """Their id follows from their content, and from where they came."""
    content = content_with(fields(), fields(OTHER), None)
    for event in content["logEvents"]:
        event |= {"id": "", "message": "same", "timestamp": 1}
    decoded = decode_event(content, max_bytes=10**7)
    assert len({action.create.id for action, _ in prepare(decoded, Settings())}) == 3


@pytest.mark.parametrize(
    ("given_fields", "aws"),
    [
        ({"@aws.account": ONE}, {"accountId": ONE, "deliveredFrom": {"accountId": CENTRAL, "logGroup": GROUP}}),
        ({"@aws.region": "ap-southeast-2"}, {"region": "ap-southeast-2"}),
        ({"@aws.account": CENTRAL, "@aws.region": "eu-central-1", "@source.log": GROUP}, {}),
        ({"@source.log": f"{ONE}:/aws/lambda/x"}, {"logGroup": "/aws/lambda/x", "deliveredFrom": {"accountId": CENTRAL, "logGroup": GROUP}}),
        ({"@source.log": f"arn:aws:logs:eu-west-1:{ONE}:log-group:x:*"},
         {"logGroup": "x", "deliveredFrom": {"accountId": CENTRAL, "logGroup": GROUP}}),
    ],
)  # fmt: skip
def test_what_is_not_named_is_the_document_s(given_fields, aws):
    """A filter may emit some of the fields alone; the log group may stand behind its account, or in an ARN."""
    assert addressed(content_with(given_fields))["line 0"][1] == HOME | aws


@pytest.mark.parametrize(
    "wrong",
    [{}, [], "text", 7, None, {"ip": "10.0.0.1"}, {"@aws.account": 111111111111}, {"@aws.account": "12"}, {"@aws.account": ["1"], "$1": {}},
     {"@aws.account": "１" * 12}, {"@aws.region": "eu-west-1\nX"}, {"@aws.region": "../../x"}, {"@source.log": ""}, {"@source.log": "a b"},
     {"@source.log": "x" * 513}, {"@aws.account": {"a": 1}, "@aws.region": False}],
)  # fmt: skip
def test_what_is_no_account_and_no_region_counts_for_nothing(wrong):
    """The event is the document's own, and its neighbour keeps what it names."""
    content = content_with(None, fields())
    content["logEvents"][0]["extractedFields"] = wrong
    found = addressed(content)
    assert found["line 0"][1] == HOME
    assert found["line 1"][1]["accountId"] == ONE


def test_events_without_fields_are_read_as_ever():
    """One batch, of the document's own account; a message that speaks of the fields has none."""
    (batch,) = decode_event(lambda_event(['{"extractedFields": {"@aws.account": "111111111111"}}', "b"]), max_bytes=10**7).batches
    assert type(batch) is LogBatch
    assert len(batch.events) == 2


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["@aws.account", "@aws.region", "@source.log", "x"]), inner, max_size=4))  # fmt: skip


@given(st.lists(JSON | st.builds(fields, st.sampled_from([ONE, OTHER, CENTRAL])), min_size=1, max_size=5))
def test_whatever_stands_there_every_event_keeps_its_id(extracted):
    """Any JSON as the fields of any event: nothing raises, no event is lost, and no id changes."""
    plain = addressed(content_with(*[None] * len(extracted)))
    assert {name: id_ for name, (id_, _) in addressed(content_with(*extracted)).items()} == {name: id_ for name, (id_, _) in plain.items()}


def test_a_line_finds_no_invocation_of_another_account():
    """Two accounts' streams of one name, copied into one: a bare line of one is not between START and REPORT of the other."""
    content = document([start(), "mine", "theirs", report()], group="/aws/lambda/orders")
    for event, account in zip(content["logEvents"], [ONE, ONE, OTHER, ONE], strict=True):
        event["extractedFields"] = fields(account)
    decoded = decode_event(content, max_bytes=10**7)
    assert all(isinstance(batch, SourcedBatch) for batch in decoded.batches)
    lines = {line.body: line for _, line in prepare(decoded, Settings())}
    assert lines["mine"].trace_id
    assert not lines["theirs"].trace_id


def test_a_line_s_platform_is_that_of_the_log_group_it_came_from():
    """A centralized log group may have any name: what Lambda wrote is Lambda's all the same."""
    content = document([report(), powertools("a")], group="central")
    for event in content["logEvents"]:
        event["extractedFields"] = fields()
    (batch,) = decode_event(content, max_bytes=10**7).batches
    lines = [line for _, line in prepare(decode_event(content, max_bytes=10**7), Settings())]
    assert batch.source == (ONE, "eu-west-1", GROUP)
    assert lines[0].event_name == "REPORT"
    assert lines[0].service_name == "orders"
