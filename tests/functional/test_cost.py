"""What logs, traces and OpenSearch cost: from stored data, with and without AWS."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.cost.prices import list_prices
from pipeline.errors import BadInputError
from pipeline.local.environment import local_client, local_environment
from pipeline.search import stored_usage as module
from pipeline.search.stored_usage import Writer, stored_usage
from tests.support.command import rows, tracejoin
from tests.support.documents import BEGAN, line, put, span
from tests.support.stores import both_kinds

SINCE, UNTIL = BEGAN - timedelta(days=1), BEGAN + timedelta(days=1)
AWS = {"accountId": "123456789012", "region": "eu-west-1"}


def written(id_, service, text, group="/aws/lambda/orders", at=BEGAN, **more):
    """A stored line of ``service``."""
    return line(id_, at, serviceName=service, body=text, aws=AWS | {"logGroup": group}, **more)


def trace(id_, service=None, lookups=None, at=BEGAN):
    """A stored trace; one without a service has no segment."""
    source = {"@timestamp": at.isoformat(), "lastSeenAt": at.isoformat(), "doc": {"kind": "trace"}, "traceId": id_ * 32, "serviceName": service,
              "state": {"lookups": {str(n): {"at": n, **each} for n, each in enumerate(lookups or ())}}}  # fmt: skip
    return [{"create": {"_index": "@-traces", "_id": id_ * 32}}, source]


FOUND = {"outcome": "found", "source": "BatchGetTraces", "segments": 3}
ABSENT = {"outcome": "absent", "source": "BatchGetTraces"}


@both_kinds
def test_usage_is_counted_by_who_wrote_it(store):
    """Lines by service, account, region and log group, their bytes in UTF-8 as they were written; spans, traces, look-ups that found one; disk."""
    put(
        store,
        written("1", "orders", "äö"),
        written("2", "orders", "abc", **{"log.record.original": '{"message": "abc"}'}),
        written("3", "orders", "x" * 10, group="/shared/app"),
        line("4", body="nobody"),
        written("5", "orders", "too early", at=SINCE - timedelta(seconds=1)),
        span("6", serviceName="orders"),
        span("7", serviceName="gateway"),
        span("8", serviceName="gateway"),
        trace("a", "gateway", [ABSENT, FOUND, FOUND]),
        trace("b", "gateway", [FOUND]),
        trace("c", None, [ABSENT]),
    )
    found = stored_usage(store, since=SINCE, until=UNTIL)
    orders, shared = (
        Writer(service="orders", account=AWS["accountId"], region=AWS["region"], log_group=group)
        for group in ("/aws/lambda/orders", "/shared/app")
    )
    assert {writer: (usage.count, usage.bytes, usage.sampled) for writer, usage in found.lines.items()} == {
        orders: (2, 4 + 18, 2),
        shared: (1, 10, 1),
        Writer(): (1, 6, 1),
    }
    assert found.first == BEGAN
    assert found.spans == {"orders": 1, "gateway": 2}
    assert (found.traces.recorded, found.traces.unrecorded, found.traces.retrieved) == ({"gateway": 2}, 1, 3)
    assert found.traces.exact
    assert not found.traces.by_span
    assert {"logs", "spans", "traces", "links", "alerts"} <= found.disk.keys() | {"links", "alerts"}
    assert all(found.disk[kind] > 0 for kind in ("logs", "spans", "traces"))
    with pytest.raises(BadInputError, match="nothing is between"):
        stored_usage(store, since=UNTIL, until=SINCE)


@both_kinds
def test_many_lines_are_measured_on_a_sample(store, monkeypatch):
    """Counts are exact, bytes the mean of a sample; writers beyond the bound share one; traces likewise."""
    monkeypatch.setattr(module, "SAMPLED_LINES", 5)
    monkeypatch.setattr(module, "SAMPLED_WRITERS", 1)
    monkeypatch.setattr(module, "SAMPLED_TRACES", 2)
    put(
        store,
        *(written(f"a{n}", "orders", "x" * 100) for n in range(40)),
        *(written(f"b{n}", f"s{n % 3}", "x" * 10) for n in range(30)),
        *(trace(name, "orders", [FOUND]) for name in "abcd"),
    )
    found = {writer.service: usage for writer, usage in stored_usage(store, since=SINCE, until=UNTIL).lines.items()}
    assert (found["orders"].count, found["orders"].bytes, found["orders"].sampled) == (40, 4000, 5)
    assert [(found[f"s{n}"].count, found[f"s{n}"].bytes, found[f"s{n}"].sampled) for n in range(3)] == [(10, 100, 0)] * 3
    traces = stored_usage(store, since=SINCE, until=UNTIL).traces
    assert (traces.retrieved, traces.exact) == (4, False)


def test_more_writers_than_a_page(store, monkeypatch):
    """Writers are read page after page."""
    monkeypatch.setattr(module, "_PAGE", 2)
    put(store, *(written(f"{n}", f"s{n}", "x") for n in range(7)))
    assert len(stored_usage(store, since=SINCE, until=UNTIL).lines) == 7


def test_traces_of_transaction_search_are_told_apart(store):
    """Where most look-ups went by retrieval, X-Ray's price for a trace does not hold."""
    put(store, trace("a", "x", [FOUND]), *(trace(name, "x", [FOUND | {"source": "StartTraceRetrieval"}]) for name in "bc"))
    assert stored_usage(store, since=SINCE, until=UNTIL).traces.by_span


@both_kinds
def test_lines_and_spans_that_are_held_count(store):
    """They are in indices of their own, which no retention reaches."""
    put(store, [{"create": {"_index": "@-kept-logs", "_id": "1"}}, written("1", "orders", "abc")[1]], written("2", "orders", "abc"))
    put(store, [{"create": {"_index": "@-kept-spans", "_id": "3"}}, span("3", serviceName="orders")[1]])
    found = stored_usage(store, since=SINCE, until=UNTIL)
    assert [usage.count for usage in found.lines.values()] == [2]
    assert found.spans == {"orders": 1}


def test_nothing_is_stored(store):
    """An empty OpenSearch has no usage, and the command says so with status 1."""
    found = stored_usage(store, since=SINCE, until=UNTIL)
    assert (found.lines, found.first, found.spans, found.traces.recorded) == ({}, None, {}, {})
    place = {"TRACEJOIN_ENDPOINT": store.endpoint, "TRACEJOIN_PREFIX": store.prefix}
    status, output, errors = tracejoin("cost", "--no-aws", **place)
    assert (status, output) == (1, "")
    assert "nothing is stored of this period" in errors


def test_the_command_without_aws(store, tmp_path):
    """Rows, parts and what is missing, at 80 columns and as JSON; names are hostile; a price file of one's own counts."""
    now = datetime.now(UTC)
    put(
        store,
        *(written(f"{n}", "orders", "x" * 974, at=now - timedelta(hours=2)) for n in range(10)),
        written("e", "evil\x1b[31m[red]\nname", "y", at=now),
    )
    place = {
        "TRACEJOIN_ENDPOINT": store.endpoint,
        "TRACEJOIN_PREFIX": store.prefix,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(tmp_path),
    }
    status, output, errors = tracejoin("cost", COLUMNS="80", **place)
    assert status == 0
    assert "no AWS credentials are found" in errors
    assert all(len(text) <= 80 for text in output.splitlines())
    assert "\x1b" not in output
    assert "[red] name" in output
    names = [text.split()[0] for text in output.splitlines() if text.startswith(("orders", "evil"))]
    assert names[0] == "orders"
    assert "of 10 prices 8 are not confirmed by a page of AWS" in output
    assert "projected from 2 h 0 min" in " ".join(output.split())
    assert "unknown, so not in the sum: OpenSearch nodes, Lambda, SQS, CloudWatch metrics, CloudWatch alarms" in " ".join(output.split())
    (tmp_path / "prices.yaml").write_text("date: 2026-01-01\nregion: mars-1\nprices: {logs_ingestion: {usd: 1000}}\n")
    dear = rows(tracejoin("cost", "--no-aws", "--json", "--prices", tmp_path / "prices.yaml", **place)[1])
    found = rows(tracejoin("cost", "--no-aws", "--json", **place)[1])
    assert [each["kind"] for each in found[:3]] == ["bill", "service", "service"]
    assert (found[1]["name"], found[1]["lines"], found[1]["bytes"]) == ("orders", 10, 10_000)
    ingestion = [next(each for each in part if each.get("name") == "CloudWatch ingestion")["usdAMonth"] for part in (dear, found)]
    assert ingestion[0] / ingestion[1] == pytest.approx(1000 / list_prices().usd("logs_ingestion"), rel=0.01)
    assert (dear[0]["region"], "xray_recorded" in dear[0]["borrowedPrices"]) == ("mars-1", True)
    few = tracejoin("cost", "--no-aws", "--limit", "1", **place)[1]
    assert "1 others" in few


def test_a_policy_of_another_kind_is_not_repeated(tmp_path):
    """Neither as one long line, nor as a line for each of its entries."""
    passwords = tmp_path / "passwd"
    passwords.write_text("".join(f"user{number}:x:{number}:{number}::/home/user{number}:/bin/sh\n" for number in range(200)))
    status, _, said = tracejoin("cost", "--no-aws", "--policy", passwords)
    assert (status, len(said) < 400, said.count("\n"), "characters)" in said) == (2, True, 1, True), said
    entries = tmp_path / "entries.yaml"
    entries.write_text("".join(f"{'key' * 50}{number}: 1\n" for number in range(200)))
    status, _, said = tracejoin("policy", "check", entries)
    lines = said.splitlines()
    assert (status, len(lines), lines[-1]) == (2, 21, "tracejoin: entries.yaml: and 180 more mistakes")
    assert max(map(len, lines)) < 250


def test_wrong_usage(store, tmp_path):
    """A price file that is none, and times between which nothing lies, are one line; nothing is printed to stdout."""
    place = {"TRACEJOIN_ENDPOINT": store.endpoint, "TRACEJOIN_PREFIX": store.prefix}
    (tmp_path / "prices.yaml").write_text("date: today")
    for arguments, status, words in (
        (("--prices", tmp_path / "prices.yaml"), 2, "prices.yaml"),
        (("--prices", tmp_path / "absent"), 2, "can't be read"),
        (("--since", "1h", "--until", "2h"), 2, "nothing is between"),
        (("--by", "colour"), 2, "--by"),
    ):
        done = tracejoin("cost", "--no-aws", *arguments, **place)
        assert done[:2] == (status, ""), arguments
        assert words in done[2]


def test_the_command_with_aws(store, aws):
    """On a local AWS the bytes of a log group are CloudWatch's own, and a log group that is not shipped has its row."""
    now = datetime.now(UTC)
    cloudwatch = local_client("cloudwatch", aws)
    for group, events, size in (("/aws/lambda/measured", 20, 5000.0), ("/vpc/flow", 3, 700.0)):
        data = [{"MetricName": name, "Dimensions": [{"Name": "LogGroupName", "Value": group}], "Value": value, "Timestamp": now - timedelta(minutes=20)}
                for name, value in (("IncomingLogEvents", events), ("IncomingBytes", size))]  # fmt: skip
        cloudwatch.put_metric_data(Namespace="AWS/Logs", MetricData=data)
    account = local_client("sts", aws).get_caller_identity()["Account"]
    stored = {"accountId": account, "region": "eu-west-1", "logGroup": "/aws/lambda/measured"}
    put(store, line("1", now - timedelta(minutes=20), serviceName="measured", body="x", aws=stored))
    place = {"TRACEJOIN_ENDPOINT": store.endpoint, "TRACEJOIN_PREFIX": store.prefix}
    environment = {key: value for key, value in local_environment({}).items() if key.startswith("AWS_")} | {
        "AWS_ENDPOINT_URL": aws,
        "AWS_REGION": "eu-west-1",
    }
    status, output, errors = tracejoin("cost", "--since", "1h", "--json", **place | environment)
    assert status == 0, errors
    found = {each["name"]: each for each in rows(output) if each["kind"] == "service"}
    assert (found["measured"]["lines"], found["measured"]["bytes"], found["measured"]["known"]) == (20, 5000, "measured")
    assert found["(not shipped)"]["bytes"] >= 700
    assert "the stack tracejoin: there is none in eu-west-1" in errors
    assert json.loads(output.splitlines()[0])["usdAMonth"] > 0
