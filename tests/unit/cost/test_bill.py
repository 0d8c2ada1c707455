"""The bill: who pays for what, worked out by hand and held against sums."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cost.aws_usage import AwsUsage, Domain, LogGroupUsage
from pipeline.cost.bill import NO_FUNCTION, NOT_SHIPPED, bill
from pipeline.cost.prices import list_prices
from pipeline.search.stored_usage import LineUsage, StoredUsage, TraceUsage, Writer

UNTIL = datetime(2026, 11, 24, 10, tzinfo=UTC)
SINCE = UNTIL - timedelta(hours=73)  # a tenth of a month
ORDERS = Writer(service="orders", account="1", region="eu-west-1", log_group="/aws/lambda/orders")
MAILER = Writer(service="mailer", account="1", region="eu-west-1", log_group="/shared/app")
PRICES = list_prices()


def usage(lines=None, *, first=SINCE, spans=None, recorded=None, retrieved=0.0, by_span=False, disk=None):
    """A StoredUsage; ``lines`` has counts and bytes by writer."""
    found = {writer: LineUsage(count=count, bytes=size, sampled=count) for writer, (count, size) in (lines or {}).items()}
    traces = TraceUsage(recorded=recorded or {}, unrecorded=0, retrieved=retrieved, exact=True, by_span=by_span)
    return StoredUsage(since=SINCE, until=UNTIL, first=first, lines=found, spans=spans or {}, traces=traces, disk=disk)


def parts(found):
    """The parts of a bill by name."""
    return {part.name: part for part in found.parts}


def test_a_bill_by_hand():
    """A tenth of a month: each amount times ten at its price; a line counts 26 bytes beside its message; disk is what it is."""
    stored = usage(
        {ORDERS: (1_000_000, 974e6)},
        spans={"orders": 5},
        recorded={"orders": 100_000},
        retrieved=120_000,
        disk={"logs": 2**30, "spans": 2**30},
    )
    found = bill(stored, AwsUsage(), PRICES)
    (row,) = found.rows
    assert found.hours == pytest.approx(73)
    assert (row.name, row.lines, row.bytes, row.spans, row.known) == ("orders", 1_000_000, 1e9, 5, "estimated")
    expected = {
        "CloudWatch ingestion": 5.0,
        "CloudWatch storage": 0.045,
        "X-Ray recorded": 5.0,
        "X-Ray retrieved": 0.6,
        "OpenSearch disk": 0.244,
    }
    assert row.usd == pytest.approx(expected)
    assert {name: parts(found)[name].usd for name in expected} == pytest.approx(expected)
    assert parts(found)["CloudWatch ingestion"].amount == pytest.approx(10)
    assert found.total == pytest.approx(sum(expected.values()))
    assert {name for name, part in parts(found).items() if part.usd is None} == {
        "OpenSearch nodes",
        "Lambda",
        "SQS",
        "CloudWatch metrics",
        "CloudWatch alarms",
    }


def test_who_logs_most_comes_first_whatever_it_pays():
    """Rows are by bytes; one that only has traces is there, and pays for them."""
    found = bill(usage({ORDERS: (10, 100), MAILER: (10, 1000)}, recorded={"gateway": 1_000_000}), AwsUsage(), PRICES)
    assert [row.name for row in found.rows] == ["mailer", "orders", "gateway"]
    assert found.rows[2].total == pytest.approx(50)


def test_what_cloudwatch_measured_replaces_what_is_stored():
    """A log group's own numbers are shared among its services as they are stored; of another account, or another region, none is taken."""
    second = Writer(service="second", account="1", region="eu-west-1", log_group=ORDERS.log_group)
    stranger = Writer(service="stranger", account="2", region="eu-west-1", log_group=ORDERS.log_group)
    aws = AwsUsage(
        account="1",
        region="eu-west-1",
        log_groups={ORDERS.log_group: LogGroupUsage(events=40, bytes=4000), "/vpc/flow": LogGroupUsage(events=1, bytes=9)},
    )
    found = {row.name: row for row in bill(usage({ORDERS: (10, 740), second: (10, 2240), stranger: (10, 740)}), aws, PRICES).rows}
    assert found["orders"].known == found["second"].known == "measured"
    assert found["orders"].bytes + found["second"].bytes == pytest.approx(4000)
    assert found["orders"].lines + found["second"].lines == pytest.approx(40)
    assert found["orders"].bytes / found["second"].bytes == pytest.approx(1000 / 2500)
    assert (found["stranger"].known, found["stranger"].bytes) == ("estimated", 1000)
    assert (found[NOT_SHIPPED].bytes, found[NOT_SHIPPED].known) == (9, "measured")


def test_only_what_is_estimated_is_projected_from_the_oldest_line():
    """Stored lines of the last hour are projected from that hour; what CloudWatch measured is of the whole period."""
    stored = usage({ORDERS: (1, 974e6), MAILER: (1, 1e9 - 26)}, first=UNTIL - timedelta(hours=1), recorded={"mailer": 1000})
    aws = AwsUsage(account="1", region="eu-west-1", log_groups={MAILER.log_group: LogGroupUsage(events=1, bytes=1e9)})
    done = bill(stored, aws, PRICES)
    found = {row.name: row.usd for row in done.rows}
    assert found["mailer"]["CloudWatch ingestion"] == pytest.approx(10 * 0.5)
    assert found["orders"]["CloudWatch ingestion"] == pytest.approx(730 * 0.5 * 0.974, rel=1e-6)
    assert found["mailer"]["X-Ray recorded"] == pytest.approx(730 * 1000 * 5e-6)
    assert parts(done)["X-Ray recorded"].amount == pytest.approx(730 * 1000)


def test_a_period_counts_as_an_hour_at_least():
    """Lines of one second are not projected from that second."""
    found = bill(usage({ORDERS: (1, 1e9)}, first=UNTIL - timedelta(seconds=1)), AwsUsage(), PRICES)
    assert found.hours == 1


def test_by_function_and_by_log_group():
    """A function is known by its log group's name; what has none is together."""
    stored = usage({ORDERS: (1, 2000), MAILER: (1, 1000)}, recorded={"orders": 5})
    assert [row.name for row in bill(stored, AwsUsage(), PRICES, by="function").rows] == ["orders", NO_FUNCTION]
    assert [row.name for row in bill(stored, AwsUsage(), PRICES, by="log-group").rows] == ["/aws/lambda/orders", "/shared/app"]


def test_traces_of_transaction_search_have_no_price():
    """X-Ray's price for a trace is not taken where spans are billed by the GB; the bill says that it is unknown."""
    found = bill(usage({ORDERS: (1, 1)}, recorded={"orders": 1000}, by_span=True), AwsUsage(), PRICES)
    assert parts(found)["X-Ray recorded"].usd is None
    assert "Transaction Search" in parts(found)["X-Ray recorded"].note
    assert found.rows[0].usd["X-Ray recorded"] == 0


def test_what_tracejoin_itself_costs():
    """Nodes, the rest of their volumes, functions, queues, metrics and alarms: 20 GiB of the default domain are $26.28 and $2.44."""
    aws = AwsUsage(account="1", region="eu-west-1", invocations=1_000_000, gb_seconds=100_000, queue_requests=1_000_000, alarms=15, metrics=33,
                   opensearch="domain", domain=Domain(node="t3.small.search", count=1, volume_gib=20))  # fmt: skip
    found = parts(bill(usage({ORDERS: (1, 1)}, disk={"logs": 5 * 2**30}), aws, PRICES))
    assert found["OpenSearch nodes"].usd == pytest.approx(26.28)
    assert found["OpenSearch free disk"].usd + found["OpenSearch disk"].usd == pytest.approx(2.44)
    assert found["Lambda"].usd == pytest.approx((100_000 * 0.0000133334 + 0.2) * 10)
    assert found["SQS"].usd == pytest.approx(4.0)
    assert found["CloudWatch metrics"].usd == pytest.approx(9.9)
    assert found["CloudWatch alarms"].usd == pytest.approx(1.5)


def test_a_node_without_a_price_and_other_opensearches_say_so():
    """What the list does not know is unknown, and never zero."""
    big = AwsUsage(opensearch="domain", domain=Domain(node="r7g.large.search", count=3, volume_gib=100))
    found = parts(bill(usage({ORDERS: (1, 1)}, disk={}), big, PRICES))["OpenSearch nodes"]
    assert (found.usd, found.amount) == (None, 3)
    assert "r7g.large.search" in found.note
    for kind, word in (("serverless", "Serverless"), ("existing", "did not make"), ("", "--stack")):
        assert word in parts(bill(usage({ORDERS: (1, 1)}), AwsUsage(opensearch=kind), PRICES))["OpenSearch nodes"].note


NAMES = st.sampled_from(["a", "b", "c", ""])
WRITERS = st.builds(
    Writer, service=NAMES, account=st.sampled_from(["1", "2"]), region=st.just("r"), log_group=st.sampled_from(["/aws/lambda/a", "x", ""])
)
LINES = st.dictionaries(WRITERS, st.tuples(st.integers(1, 10**6), st.floats(0, 1e12)), max_size=8)
COUNTS = st.dictionaries(NAMES, st.integers(1, 10**6), max_size=4)
GROUPS = st.dictionaries(
    st.sampled_from(["/aws/lambda/a", "x", "y"]), st.builds(LogGroupUsage, events=st.floats(0, 1e6), bytes=st.floats(1, 1e12))
)


@given(lines=LINES, spans=COUNTS, recorded=COUNTS, retrieved=st.floats(0, 1e6), groups=GROUPS,
       disk=st.dictionaries(st.sampled_from(["logs", "spans", "traces"]), st.integers(0, 10**12)),
       by=st.sampled_from(["service", "function", "log-group"]))  # fmt: skip
def test_nothing_is_lost_among_the_rows(lines, spans, recorded, retrieved, groups, disk, by):
    """Whoever shares with whom: rows add up to what was used, to the parts, and to the same bill by any other row."""
    aws = AwsUsage(account="1", region="r", log_groups=groups)
    stored = usage(
        lines,
        spans=spans,
        recorded=recorded,
        retrieved=retrieved if recorded else 0.0,
        disk=disk if lines or spans or recorded or groups else {},
    )
    found = bill(stored, aws, PRICES, by=by)
    assert sum(row.spans for row in found.rows) == pytest.approx(sum(spans.values()))
    assert sum(row.recorded for row in found.rows) == pytest.approx(sum(recorded.values()))
    assert sum(row.retrieved for row in found.rows) == pytest.approx(stored.traces.retrieved)
    assert sum(row.disk for row in found.rows) == pytest.approx(sum((stored.disk or {}).values()))
    for name in ("CloudWatch ingestion", "CloudWatch storage", "X-Ray recorded", "X-Ray retrieved", "OpenSearch disk"):
        assert sum(row.usd[name] for row in found.rows) == pytest.approx(parts(found)[name].usd)
    assert found.total == pytest.approx(bill(stored, aws, PRICES).total)
    assert all(row.total >= 0 for row in found.rows)
    measured = sum(usage.bytes for usage in groups.values())
    assert sum(row.bytes for row in found.rows) >= measured * (1 - 1e-9)
