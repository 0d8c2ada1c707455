"""The forecast: what a policy would take is what it takes."""

from pipeline.configure import evaluator_for
from pipeline.retain.forecast import forecast, stored_transactions
from pipeline.retain.policy import Policy, Slow
from pipeline.retain.slowness import Slowness
from pipeline.store.trace_records import TraceRecords
from tests.support.command import rows, tracejoin
from tests.support.events import NOW, lambda_event
from tests.support.policies import FAILED, KEEP_NONE, LINES, OTHER_LINES, OTHER_SEGMENTS, SEGMENTS, record, sweep, with_policy
from tests.support.shipping import shipped


def test_a_forecast_says_what_the_sweep_then_takes(store, settings, tmp_path):
    """By service, in lines, spans and bytes; a failed transaction counts as stored alone, and a young one as if its grace period were over."""
    lines = [line.replace("order-17", "order-18") for line in OTHER_LINES]
    shipped(lambda_event(LINES), store, settings)
    shipped(lambda_event(lines, first=100), store, settings)
    failed = [OTHER_SEGMENTS[0], OTHER_SEGMENTS[1] | FAILED]
    options = with_policy(settings, tmp_path)
    sweep(store, options, *SEGMENTS, *failed, at=NOW / 1000 + 60)
    store.refresh()
    transactions = list(stored_transactions({"match_all": {}}, store, TraceRecords(store, evaluator_for(settings))))
    assert sorted(len(each.documents) for each in transactions) == [7, 7]
    found = forecast(Policy(keep=0.0, slow=Slow()), transactions, Slowness(), NOW + 60_000)
    assert found.keys() == {"orders"}
    orders = found["orders"]
    assert (orders.stored.lines, orders.stored.spans, orders.goes.lines, orders.goes.spans) == (10, 4, 5, 2)
    sweep(store, options)
    (went,) = (said["bytes"] for each in transactions for id_ in each.records if (said := record(store, id_).get("sampledOut")))
    assert went == orders.goes.size


def test_cost_says_what_a_policy_would_save(store, settings, tmp_path):
    """By service, in lines, bytes and dollars, the same numbers as the sweep's own code; `--by function` is refused."""
    shipped(lambda_event(LINES), store, settings)
    sweep(store, settings, *SEGMENTS, at=NOW / 1000 + 60)
    store.refresh()
    file = tmp_path / "keep-none.yaml"
    file.write_text(KEEP_NONE)
    environment = {"TRACEJOIN_ENDPOINT": settings.endpoint, "TRACEJOIN_PREFIX": settings.prefix}
    asked = ("cost", "--no-aws", "--policy", file)
    code, output, errors = tracejoin(*asked, "--json", **environment)
    assert (code, errors) == (0, "")
    (saving,) = (row for row in rows(output) if row["kind"] == "saving")
    usd = next(row["usdAMonthByPart"]["OpenSearch disk"] for row in rows(output) if row["kind"] == "service")
    assert (saving["name"], saving["lines"], saving["spans"], saving["share"]) == ("orders", 5, 2, 1.0)
    assert saving["usdAMonth"] == usd > 0
    _, table, _ = tracejoin(*asked, **environment | {"COLUMNS": "80"})
    assert "what the policy would take" in table
    assert max(map(len, table.splitlines())) <= 80
    assert tracejoin(*asked, "--by", "function", **environment)[0] == 2
