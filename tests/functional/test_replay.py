"""Replay, against the local AWS' S3 and an OpenSearch: what failed comes back once, what can't stays, whoever wrote it."""

import gzip
import json
import os
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.configure import store_for
from pipeline.errors import UnavailableError
from pipeline.local.aws_spans import spans_of, subscription_event
from pipeline.local.environment import local_client
from pipeline.replay.choice import Choice
from pipeline.replay.outcome import Position, ReplayLedger
from pipeline.replay.parked_bucket import ParkedBucket
from pipeline.replay.run import Replay
from pipeline.replay.sender import Sender
from tests.support.blocked_index import READ_ONLY, BlockedIndices
from tests.support.command import MAIN, rows, tracejoin
from tests.support.events import NOW, document, function, lambda_event, packed, powertools, report, service, start
from tests.support.parked import AWAY, Bucket, asynchronous, key, of_firehose, of_kinesis, stream
from tests.support.shipping import shipped
from tests.support.stores import both_kinds
from tests.support.waiting import PATIENCE, until

ALL, NOWHERE = Choice(), Position()
MALFORMED = (400, "mapper_parsing_exception", "failed to parse")


@pytest.fixture
def bucket(aws, settings):
    """A bucket of the test's own."""
    return Bucket(local_client("s3", aws), settings.prefix)


@pytest.fixture
def environment(aws, settings):
    """What the command line needs to find both."""
    return {"TRACEJOIN_ENDPOINT": settings.endpoint, "TRACEJOIN_PREFIX": settings.prefix, "TRACEJOIN_PARKED_BUCKET": settings.prefix,
            "AWS_ENDPOINT_URL": aws, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_CONFIG_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}  # fmt: skip


def ids(store, kind="logs-*"):
    """The ids of all documents."""
    store.refresh()
    return sorted(hit.id for hit in store.scan({"match_all": {}}, index=f"{store.prefix}-{kind}"))


def replay_of(store, settings, parked, choice=ALL, *, position=NOWHERE, go_on=lambda: True, **more):
    """A run that gives each event ten seconds."""
    return Replay(Sender(store, settings, lambda: lambda: 10.0, **more), parked, choice, position, go_on)


def run(store, settings, bucket=None, choice=ALL, **more):
    """Replays; returns the ledger and the results by id."""
    parked = ParkedBucket(bucket.client, bucket.name) if bucket else None
    ledger, results = ReplayLedger(), {}
    for outcome in replay_of(store, settings, parked, choice, **more).outcomes():
        ledger.add(outcome)
        results[outcome.id] = (outcome.result, outcome.reason)
    assert ledger.found == ledger.replayed + ledger.kept + ledger.unreadable + ledger.gone
    return ledger, results


@both_kinds
def test_events_of_every_input_come_back_once(store, settings, bucket):
    """Lambda's asynchronous record, one that was too old, Kinesis' escaped batch, Firehose's lines, plain and gzipped: each line once."""
    bucket.park(asynchronous(lambda_event([start(), powertools("a"), report()])))
    bucket.park(asynchronous(lambda_event(["b"], stream="b"), condition="EventAgeExceeded"))
    bucket.park(of_kinesis(stream("c", "c"), stream("d", "d")), "aws/lambda/0d9c/shardId-000000000001/2026/11/29/x")
    bucket.park(of_firehose(stream("e", "e"), stream("f", "f")), "processing-failed/2026/11/29/10/x")
    bucket.park(gzip.compress(of_firehose(stream("g", "g")).encode()), "processing-failed/2026/11/29/10/y.gz")
    ledger, _ = run(store, settings, bucket)
    assert (ledger.found, ledger.replayed, ledger.events.received, ledger.events.indexed) == (5, 5, 9, 9)
    assert bucket.keys() == []
    before = ids(store)
    assert len(before) == 9
    bucket.park(of_kinesis(stream("c", "c"), stream("d", "d")))
    ledger, _ = run(store, settings, bucket)
    assert (ledger.events.indexed, ledger.events.duplicate, ids(store)) == (0, 2, before)


def test_what_was_shipped_meanwhile_is_a_duplicate(store, settings, bucket):
    """The event came through after all: the replay writes nothing, and the object goes."""
    event = lambda_event([powertools("a"), report()])
    shipped(event, store, settings)
    before = ids(store)
    bucket.park(asynchronous(event))
    ledger, _ = run(store, settings, bucket)
    assert (ledger.events.indexed, ledger.events.duplicate, bucket.keys(), ids(store)) == (0, 2, [], before)


@contextmanager
def refusing(settings, part, refusal=MALFORMED):
    """A store and settings behind whose proxy OpenSearch takes nothing into the indices with ``part`` in their names."""
    with BlockedIndices(settings.endpoint) as proxy:
        proxy.refusal, proxy.blocked = refusal, {part}
        behind = replace(settings, endpoint=proxy.endpoint)
        there = store_for(behind)
        yield there, behind, proxy
        there.close()


HOSTILE = {
    "no JSON": b"\x00\xff\xfe",
    "empty": b"",
    "deep": b'{"requestPayload":' + b"[" * 100_000,
    "a bomb": gzip.compress(b'{"requestPayload":"' + b" " * 50_000_000 + b'"}', 1),
    "cut off": gzip.compress(b'{"requestPayload":{"awslogs":{"data":"x"}}}')[:-4],
    "too large": b'{"requestPayload":"' + b"x" * 9_000_000 + b'"}',
    "many lines": b'{"rawData":""}\n' * 200_002,
    "an order": json.dumps(asynchronous({"tracejoin": "replay", "reason": ""})).encode(),
    "another function's event": json.dumps(asynchronous({"Records": [{"s3": {"object": {"key": "x"}}}]})).encode(),
    "another stream's batch": json.dumps(asynchronous({"Records": [{"kinesis": {"data": "aGVsbG8="}}]})).encode(),
    "an event by itself": json.dumps(lambda_event(["not parked"])).encode(),
    "a list": json.dumps([asynchronous(lambda_event(["x"]))]).encode(),
    "no payload": json.dumps({name: value for name, value in of_kinesis(stream("s", "x")).items() if name != "payload"}).encode(),
    "payload of text": json.dumps(of_kinesis(stream("s", "x")) | {"payload": "{"}).encode(),
    "odd types": json.dumps({"requestPayload": {"awslogs": 7}, "requestContext": 7, "responsePayload": [7]}).encode(),
    "a good line and a bad one": f"{of_firehose(stream('s', 'x'))}\nnonsense".encode(),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_parked_event_stays_and_stops_nobody(store, settings, bucket, content):
    """Whoever may write to the bucket: nothing of it is shipped, evaluated or deleted, and its neighbour goes through."""
    strange = bucket.park(content, "aws/lambda/async/a")
    bucket.park(asynchronous(lambda_event(["good"])), "aws/lambda/async/b")
    ledger, results = run(store, settings, bucket)
    assert (ledger.replayed, ledger.unreadable, ledger.events.indexed, bucket.keys()) == (1, 1, 1, [strange])
    result, reason = results[strange]
    assert (result, "\n" in reason, 10 < len(reason) < 1500) == ("unreadable", False, True)
    assert len(ids(store, "dead-letters")) == 0


def test_a_batch_without_payload_says_where_it_is(store, settings, bucket):
    """Lambda tells queues and topics the numbers alone: the reason names the shard, the stream and what to read of it."""
    parked = bucket.park(HOSTILE["no payload"])
    reason = run(store, settings, bucket)[1][parked][1]
    assert "read 1 to 2 of shardId-000000000001 in arn:aws:kinesis:eu-west-1:123456789012:stream/logs" in reason


def test_a_bad_neighbour_in_an_event_becomes_a_dead_letter(store, settings, bucket):
    """As in Lambda: what is good is indexed, what is not is a letter, the ledger adds up, and the object goes."""
    content = document(["good", "bad"])
    del content["logEvents"][1]["message"]
    bucket.park(asynchronous({"Records": [{"kinesis": {"data": data}} for data in ("nonsense!", packed(content))]}))
    ledger, _ = run(store, settings, bucket, Choice(reason="unavailableerror"))
    assert (ledger.replayed, ledger.events.indexed, ledger.events.dead_lettered, ledger.events.bad_envelopes) == (1, 1, 1, 1)
    assert (bucket.keys(), len(ids(store, "dead-letters"))) == ([], 2)


def test_what_does_not_go_through_stays_and_goes_on_once_it_is_cured(store, settings, bucket):
    """An index is blocked: its event is kept with OpenSearch's words, the others go; after the cure the same command ends it."""
    first = bucket.park(asynchronous(lambda_event(["a"])), "aws/lambda/async/a")
    with refusing(settings, "logs-", READ_ONLY) as (there, away, proxy):
        ledger, results = run(there, away, bucket)
        assert (ledger.kept, ledger.replayed, bucket.keys()) == (1, 0, [first])
        assert "cluster_block_exception" in results[first][1]
        proxy.blocked = set()
        assert run(there, away, bucket)[0].replayed == 1
    assert (bucket.keys(), len(ids(store))) == ([], 1)


def test_an_index_that_takes_nothing_holds_up_its_own_events_alone(store, settings, bucket):
    """Ten events of a day whose index is blocked come first: each is tried and stays, and the one of another day behind them goes through."""
    yesterday = NOW - 86_400_000
    keys = [
        bucket.park(asynchronous(lambda_event(["a"], at=yesterday, stream=str(number))), f"aws/lambda/async/{number}")
        for number in range(10)
    ]
    bucket.park(asynchronous(lambda_event(["today"])), "aws/lambda/async/x")
    with refusing(settings, f"logs-{datetime.fromtimestamp(yesterday / 1000, UTC):%Y.%m.%d}", READ_ONLY) as (_, away, _):
        status, output, said = tracejoin("replay", "send", "--json", "--bucket", bucket.name, "--endpoint", away.endpoint,
                                         TRACEJOIN_PREFIX=settings.prefix, AWS_REGION="eu-west-1", AWS_ACCESS_KEY_ID="a",
                                         AWS_SECRET_ACCESS_KEY="b", AWS_ENDPOINT_URL=bucket.client.meta.endpoint_url)  # fmt: skip
    (ledger,) = rows(output)
    assert (status, ledger["found"], ledger["kept"], ledger["replayed"]) == (1, 11, 10, 1)
    assert said.count("cluster_block_exception") == 1
    assert bucket.keys() == keys


def test_it_gives_up_where_opensearch_is_away(settings, bucket):
    """Not every one of a thousand is tried: after five in a row it looks whether OpenSearch answers at all. Each stays."""
    keys = [bucket.park(asynchronous(lambda_event(["a"], stream=str(number))), f"aws/lambda/async/{number}") for number in range(8)]
    away = replace(settings, endpoint="http://127.0.0.1:9")
    store, seen = store_for(away), []
    with pytest.raises(UnavailableError, match="5 in a row could not be shipped"):
        seen.extend(replay_of(store, away, ParkedBucket(bucket.client, bucket.name)).outcomes())
    store.close()
    assert bucket.keys() == keys


def test_dead_letters_go_once_their_mapping_is_mended(store, settings):
    """Lines that no form of OpenSearch took are letters, as they were written; mended, they are indexed with their own ids and found by their trace."""
    with refusing(settings, "logs-") as (there, away, _):
        for name in ("s", "t"):
            event = lambda_event(
                [start(), "[ERROR]\t2026-11-29T10:00:00.000Z\t52fdfc07-2182-454f-963f-5f0f9a621d72\tno stock", report()], stream=name
            )
            assert shipped(event, there, away).ledger.dead_lettered == 3
        letters = ids(store, "dead-letters")
        ledger, results = run(there, away)
        assert (ledger.kept, ledger.replayed, ids(store, "dead-letters")) == (6, 0, letters)
        assert {reason for _, reason in results.values()} == {"OpenSearch refuses it as before"}
    ledger, _ = run(store, settings)
    assert (ledger.replayed, ledger.events.indexed, ids(store, "dead-letters")) == (6, 6, [])
    assert ids(store) == letters
    hits = list(store.scan({"match_phrase": {"body": "no stock"}}, index=f"{store.prefix}-logs-*"))
    assert {(hit.source["severity"]["text"], hit.source["idSource"], hit.source["xray"]["traceId"]) for hit in hits} == {
        ("ERROR", "request", "1-5759e988-bd862e3fe1be46a994272793")
    }
    assert run(store, settings)[0].found == 0


def test_letters_of_events_without_an_id_keep_their_address(store, settings):
    """The substitute for a missing id follows from the unredacted content, which the letter does not hold: the letter's own id does."""
    content = document(["password=hunter2 one", "two"])
    for event in content["logEvents"]:
        event["id"] = ""
    with refusing(settings, "logs-") as (there, away, _):
        shipped(content, there, away)
    letters = ids(store, "dead-letters")
    assert run(store, settings)[0].events.indexed == 2
    assert (ids(store), ids(store, "dead-letters")) == (letters, [])
    assert shipped(content, store, settings).ledger.duplicate == 2


def test_letters_of_centralized_lines_keep_their_address_and_where_they_came_from(store, settings):
    """They are shipped again as they were delivered, with the account, region and log group that they named."""
    content = document([powertools("a"), powertools("b")], group="central/all", owner="111111111111")
    for event, account in zip(content["logEvents"], ("222222222222", "333333333333"), strict=True):
        event["extractedFields"] = {"@aws.account": account, "@aws.region": "us-east-1", "@source.log": "/aws/lambda/orders"}
    event = {"awslogs": {"data": packed(content)}}
    with refusing(settings, "logs-") as (there, away, _):
        shipped(event, there, away)
    letters = ids(store, "dead-letters")
    assert run(store, settings)[0].events.indexed == 2
    assert (ids(store), ids(store, "dead-letters")) == (letters, [])
    assert shipped(event, store, settings).ledger.duplicate == 2
    aws = [hit.source["aws"] for hit in store.scan({"match_all": {}}, index=f"{store.prefix}-logs-*")]
    assert sorted((each["accountId"], each["region"], each["logGroup"]) for each in aws) == [
        (account, "us-east-1", "/aws/lambda/orders") for account in ("222222222222", "333333333333")]  # fmt: skip


def test_records_that_were_too_large_go_once_they_may_be(store, settings):
    """A record beyond the bound is a letter that stays, without a second one, until TRACEJOIN_MAX_DECOMPRESSED_BYTES is raised."""
    small = replace(settings, max_decompressed_bytes=100)
    shipped(lambda_event(["a", "b"]), store, small)
    letters = ids(store, "dead-letters")
    ledger, results = run(store, small)
    assert (ledger.unreadable, ids(store, "dead-letters")) == (1, letters)
    assert "decompresses to more than 100 bytes" in results[letters[0]][1]
    ledger, _ = run(store, settings)
    assert (ledger.replayed, ledger.events.indexed, ids(store, "dead-letters")) == (1, 2, [])


def test_a_letter_that_is_unreadable_for_good_stays_alone(store, settings):
    """An entry without a message, and a line of aws/spans that is no span, are tried and stay; no letter is made of a letter."""
    content = document(["good", "bad"])
    del content["logEvents"][1]["message"]
    shipped(content, store, settings)
    shipped(document(["password=hunter2 is no span"], group="aws/spans"), store, settings)
    shipped({"awslogs": {"data": "nonsense!"}}, store, settings)
    letters = ids(store, "dead-letters")
    assert len(letters) == 3
    ledger, _ = run(store, settings)
    assert (ledger.found, ledger.unreadable, ids(store, "dead-letters")) == (3, 3, letters)


def test_spans_that_were_refused_come_back(store, settings):
    """A span that OpenSearch refused is written from its letter, as the same document."""
    event = subscription_event([*spans_of(service()), *spans_of(function())], at=NOW)
    with refusing(settings, "spans-") as (there, away, _):
        assert shipped(event, there, away).ledger.dead_lettered == 2
    letters = ids(store, "dead-letters")
    assert run(store, settings, dry_run=True)[0].replayed == 2
    told = []
    ledger, _ = run(store, settings, shipped=told.append)
    assert (ledger.replayed, ledger.events.indexed, ids(store, "dead-letters"), ids(store, "spans-*")) == (2, 2, [], letters)
    assert any(shipment.unsettled for shipment in told)
    assert shipped(event, store, settings).ledger.duplicate == 2


def test_a_line_of_an_account_that_is_not_allowed_stays(store, settings):
    """Ship filters it, as it would live; its letter is kept with that reason."""
    with refusing(settings, "logs-") as (there, away, _):
        shipped(lambda_event(["a"]), there, away)
    ledger, results = run(store, replace(settings, allowed_accounts=("222222222222",)))
    assert (ledger.kept, ledger.events.filtered) == (1, 1)
    assert "is not shipped" in next(iter(results.values()))[1]


def test_only_what_is_chosen_is_sent(store, settings, bucket):
    """By reason, as it is and as the list shows it; by time; by id; so many at most. All others stay."""
    old = bucket.park(asynchronous(lambda_event(["a"], stream="a"), "MisconfiguredError: nothing is installed"), "aws/lambda/async/a")
    bucket.park(asynchronous(lambda_event(["b"], stream="b"), AWAY), "aws/lambda/async/b")
    ledger, _ = run(store, settings, bucket, Choice(reason="does not take … of … LOG"))
    assert (ledger.replayed, bucket.keys()) == (1, [old])
    assert run(store, settings, bucket, Choice(since=datetime.now(UTC).replace(year=2100)))[0].found == 0
    assert run(store, settings, bucket, Choice(until=datetime(2020, 1, 1, tzinfo=UTC)))[0].found == 0
    more = [bucket.park(asynchronous(lambda_event(["c"], stream=name)), f"aws/lambda/async/{name}") for name in "cde"]
    assert run(store, settings, bucket, Choice(limit=2))[0].found == 2
    assert bucket.keys() == more[1:]
    assert run(store, settings, bucket, Choice(ids=frozenset([more[2], "no/such"])))[0].replayed == 1
    assert bucket.keys() == [more[1]]


def test_a_run_goes_on_behind_another_one(store, settings, bucket):
    """Where it stopped, in the bucket and in the index: what it kept is not tried again, what is behind is."""
    names = [bucket.park(b"strange", f"aws/lambda/async/{number}") for number in range(3)]
    for number in range(120):
        store.write([{"create": {"_index": f"{store.prefix}-dead-letters", "_id": f"{number:03d}"}},
                     {"@timestamp": f"2026-11-29T10:{number // 60:02d}:{number % 60:02d}.000Z", "reason": "x", "document": "nonsense!"}])  # fmt: skip
    parked, seen = ParkedBucket(bucket.client, bucket.name), []
    position, stopped = NOWHERE, True
    while stopped:
        turns = iter([True] * 7)
        one = replay_of(store, settings, parked, position=position, go_on=lambda turns=turns: next(turns, False))
        seen += [outcome.id for outcome in one.outcomes()]
        assert not one.stopped or one.position != position
        position, stopped = one.position, one.stopped
    assert seen == [*names, *(f"{number:03d}" for number in range(120))]


def test_a_dry_run_changes_nothing(store, settings, bucket, environment):
    """It says how many would be tried and which can't be read; the bucket, the letters and the index stay as they are."""
    shipped({"awslogs": {"data": "nonsense!"}}, store, settings)
    keys = [bucket.park(asynchronous(lambda_event(["a"])), "aws/lambda/async/a"), bucket.park(b"strange", "aws/lambda/async/b")]
    status, output, _ = tracejoin("replay", "send", "--dry-run", "--json", **environment)
    (ledger,) = rows(output)
    assert (status, ledger["found"], ledger["replayed"], ledger["unreadable"], ledger["dryRun"]) == (1, 3, 1, 2, True)
    assert (bucket.keys(), ids(store), len(ids(store, "dead-letters"))) == (keys, [], 1)


def test_the_list_counts_by_reason(store, settings, bucket, environment):
    """Those that differ in numbers alone are one; each has its count, times and ids; letters and what can't be read have their own."""
    for number in (1, 2, 3):
        bucket.park(asynchronous(lambda_event(["a"]), f"UnavailableError: {number} of 7 could not be written in time"))
    strange = bucket.park(b"strange")
    shipped({"awslogs": {"data": "nonsense!"}}, store, settings)
    status, output, _ = tracejoin("replay", "--json", **environment)
    found = {(row["source"], row["readable"]): row for row in rows(output)}
    assert (status, len(found)) == (0, 3)
    away = found["parked", True]
    assert (away["reason"], away["count"], len(away["ids"])) == ("UnavailableError: … of … could not be written in time", 3, 3)
    assert away["oldest"] <= away["newest"]
    assert found["parked", False]["ids"] == [strange]
    assert found["letter", True]["reason"].startswith("awslogs.data: the data is not base64")
    status, output, _ = tracejoin("replay", "list", "--reason", "could not be written", **environment)
    assert (status, "3 parked events" in output, strange in output) == (0, True, False)
    status, output, said = tracejoin("replay", "--limit", 1, **environment)
    assert "of 4 parked events the first 1 are counted" in said
    status, _, said = tracejoin("replay", "--limit", 10**20, **environment)
    assert (status, "is not in the range" in said) == (2, True)


def test_show_prints_one_without_its_secrets(store, settings, bucket, environment):
    """A parked event holds lines as they were written: they are redacted before anybody sees them; what steers a terminal does not."""
    parked = bucket.park(asynchronous(lambda_event(["password=hunter2 \x1b[2J gone", powertools("b")])))
    status, output, _ = tracejoin("replay", "show", parked, **environment)
    assert (status, "/aws/lambda/orders" in output, "2 log events" in output) == (0, True, True)
    assert not {"hunter2", "\x1b"} & {part for part in ("hunter2", "\x1b") if part in output}
    (view,) = rows(tracejoin("replay", "show", parked, "--json", **environment)[1])
    assert view["records"][0]["batches"][0]["events"][0]["message"].startswith("password=[redacted]")
    assert (view["records"][0]["attempts"], view["records"][0]["reason"]) == (3, AWAY)
    shipped({"awslogs": {"data": "nonsense!"}}, store, settings)
    (letter,) = ids(store, "dead-letters")
    assert "nonsense!" in tracejoin("replay", "show", letter, **environment)[1]
    for nobody in ("aws/lambda/none", "none"):
        status, output, said = tracejoin("replay", "show", nobody, **environment)
        assert (status, output, f"no dead letter {nobody}" in said) == (1, "", True)


@pytest.mark.parametrize(
    "arguments", [("list", "x"), ("show",), ("show", "a", "b"), ("list", "--dry-run"), ("show", "x", "--rate", "1"), ("sned",)]
)
def test_wrong_usage_says_so(arguments):
    """Status 2, before anything is asked."""
    status, output, said = tracejoin("replay", *arguments)
    assert (status, output) == (2, "")
    assert "Error:" in said


def test_without_a_bucket_letters_alone_are_sent(store, settings, environment):
    """It says that parked events are left out, and how to name them."""
    del environment["TRACEJOIN_PARKED_BUCKET"]
    status, output, said = tracejoin("replay", "send", "--json", **environment)
    assert (status, rows(output)[0]["found"]) == (0, 0)
    assert "--stack" in said
    assert "--bucket" in said
    for words in ((), ("send",)):
        status, output, _ = tracejoin("replay", *words, **environment)
        assert (status, "no dead letter; parked events were not looked at (--stack or --bucket)" in output) == (0, True)


@pytest.mark.parametrize(("given", "said"), [({"TRACEJOIN_PARKED_BUCKET": "no-such-bucket"}, "no-such-bucket"), ({"TRACEJOIN_PREFIX": "nowhere"}, "tracejoin setup"),
                                             ({"TRACEJOIN_PARKED_BUCKET": "S3://X"}, "must be the name of an S3 bucket")])  # fmt: skip
def test_what_can_t_work_is_one_line(store, environment, given, said):
    """A bucket or an index that is not there, and a name that is none."""
    status, _, errors = tracejoin("replay", "send", **{**environment, **given})
    assert (status, said in errors) == (2, True)


def test_a_stack_names_the_bucket_and_how_to_ship(store, settings, bucket, aws, environment):
    """Its bucket, its OpenSearch, and what its ship would redact and filter; of this machine only credentials and region are used."""
    own = {"TRACEJOIN_ENDPOINT": settings.endpoint, "TRACEJOIN_PREFIX": settings.prefix, "TRACEJOIN_REDACT_PATTERNS": "(?i)order-[0-9]+",
           "TRACEJOIN_ALLOWED_ACCOUNTS": "123456789012"}  # fmt: skip
    ship = {"FunctionName": f"{settings.prefix}-ship", "Handler": "index.handler", "Runtime": "python3.11", "Role": "arn:aws:iam::000000000000:role/x",
            "Code": {"ZipFile": "def handler(event, context):\n    pass\n"}, "Environment": {"Variables": own}}  # fmt: skip
    template = {"Resources": {"ParkedEvents": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": f"{settings.prefix}-parked"}},
                              "ShipFunction": {"Type": "AWS::Lambda::Function", "Properties": ship}}}  # fmt: skip
    cloudformation = local_client("cloudformation", aws)
    cloudformation.create_stack(StackName=settings.prefix, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=settings.prefix, WaiterConfig={"Delay": 1})
    for owner in ("123456789012", "222222222222"):
        bucket.client.put_object(
            Bucket=f"{settings.prefix}-parked", Key=key(), Body=json.dumps(asynchronous(lambda_event(["order-17 fails"], owner=owner)))
        )
    here = {name: value for name, value in environment.items() if name.startswith("AWS_")}
    status, output, said = tracejoin("replay", "send", "--json", "--stack", settings.prefix, **here)
    (ledger,) = rows(output)
    assert (status, ledger["replayed"], ledger["events"]["indexed"], ledger["events"]["filtered"]) == (0, 2, 1, 1), said
    store.refresh()
    (hit,) = store.scan({"match_all": {}}, index=f"{store.prefix}-logs-*")
    assert hit.source["body"] == "[redacted] fails"


def test_without_credentials_it_says_so(store, environment):
    """Not as if S3 were away."""
    del environment["AWS_ACCESS_KEY_ID"]
    status, _, errors = tracejoin("replay", **environment, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    assert (status, "AWS: " in errors) == (2, True)


def test_a_stack_that_is_not_there_is_one_line(environment):
    """Its name is in it."""
    status, _, errors = tracejoin("replay", "--stack", "nobody-s", **environment)
    assert (status, "there is no stack nobody-s" in errors) == (2, True)


def test_it_may_be_interrupted_and_killed_and_goes_on(store, settings, bucket, environment):
    """Ctrl-C prints the ledger, a kill nothing: the same command goes on each time, and at the end every line is there once."""
    for number in range(40):
        bucket.park(asynchronous(lambda_event([powertools(f"{number}"), "bare"], stream=str(number))), f"aws/lambda/async/{number:02d}")
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("TRACEJOIN_", "AWS_"))}
    for number, stop in enumerate((signal.SIGINT, signal.SIGKILL, signal.SIGTERM)):
        left = len(bucket.keys())
        with subprocess.Popen([*MAIN, "replay", "send", "--json", "--rate", "20"], env=keep | environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
            until(lambda: len(bucket.keys()) <= left - 3, pause=0.02)  # noqa: B023
            process.send_signal(stop)
            output, said = process.communicate(timeout=PATIENCE)
        if not number:
            (ledger,) = rows(output)
            assert (process.returncode, ledger["replayed"] >= 2, "interrupted" in said) == (1, True, True)
        assert 0 < len(bucket.keys()) < left
    status, output, _ = tracejoin("replay", "send", "--json", **environment)
    assert (status, bucket.keys(), len(ids(store))) == (0, [], 80)


def test_two_at_once_send_each_event_once(store, settings, bucket):
    """What one has deleted the other passes over; no line is doubled."""
    for number in range(12):
        bucket.park(asynchronous(lambda_event(["a", "b"], stream=str(number))), f"aws/lambda/async/{number:02d}")
    parked = ParkedBucket(bucket.client, bucket.name)
    one, other = (replay_of(store, settings, parked).outcomes() for _ in range(2))
    first = next(one)
    results = [first, *other, *one]
    assert {outcome.result for outcome in results} == {"replayed", "gone"}
    assert sum(outcome.ledger.indexed for outcome in results) == len(ids(store)) == 24


def test_a_bucket_that_is_away_is_said(settings, store):
    """S3 does not answer: nothing is tried, and it is one line."""
    parked = ParkedBucket(local_client("s3", "http://127.0.0.1:9"), "b")
    with pytest.raises(UnavailableError, match="S3 does not answer"):
        list(replay_of(store, settings, parked).outcomes())


def test_keys_are_named_as_lambda_names_them():
    """The helper that makes them up follows the documented convention, in whose order the oldest comes first."""
    early, late = (key(at=datetime(2026, 11, day, 10, tzinfo=UTC)) for day in (9, 28))
    assert early < late
