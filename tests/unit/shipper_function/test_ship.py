"""The ship function as Lambda calls it."""

import pytest

from pipeline.errors import UnavailableError
from pipeline.local.lambda_runtime import Context
from pipeline.settings import Settings
from pipeline.ship import Ledger, Shipment
from shipper_function import queues as queue_module
from shipper_function import ship as ship_module
from tests.support.handlers import SETTINGS, FakeQueue, metrics_of, trace_id

SECRET = "the-payload-of-a-customer"


@pytest.fixture
def ship(lambda_names, monkeypatch):
    """Hands an event to the ship function, whose pipeline returns or raises ``outcome``."""

    def call(outcome, queue, settings=SETTINGS, event=None):
        def fake(event, *, store, settings, remaining, before):
            before()
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(ship_module, "ship", fake)
        monkeypatch.setattr(ship_module, "settings", lambda: settings)
        monkeypatch.setattr(ship_module, "store", lambda: None)
        monkeypatch.setattr(queue_module, "queue", lambda settings: queue)
        return ship_module.handler(event or {"awslogs": {"data": SECRET}}, Context("52fdfc07-2182-454f-963f-5f0f9a621d72", 4e9))

    return call


def test_ship_sends_what_is_not_settled_and_counts_every_way_that_an_event_can_go(ship, capsys):
    """One hint with the unsettled traces and the first delay; one metric for each field of the ledger."""
    queue = FakeQueue()
    ledger = Ledger(received=5, indexed=2, duplicate=1, filtered=1, dead_lettered=1, bad_envelopes=2)
    answer = ship(Shipment(ledger, (trace_id(1), trace_id(2))), queue)
    assert queue.sent == [((trace_id(1), trace_id(2)), 0, 10)]
    metrics = metrics_of(capsys.readouterr().out)
    for name in Ledger.__struct_fields__:
        assert metrics[name] == [getattr(ledger, name)] == [answer[name]], name
    assert metrics["dead_letters"] == [3]


def test_accounts_that_are_not_allowed_are_counted_and_named_once(ship, monkeypatch, capsys):
    """One metric for all of them, and one line with the first ten; nothing at all where there are none."""
    logged = []
    monkeypatch.setattr(ship_module.logger, "warning", lambda _, extra: logged.append(extra))
    foreign = {f"{number:012d}" + "x" * 50: 2 for number in range(300)}
    ship(Shipment(Ledger(received=600, filtered=600), foreign=foreign), FakeQueue())
    assert metrics_of(capsys.readouterr().out)["foreign_events"] == [600]
    assert logged == [{"events": 600, "accounts": [f"{number:012d}" for number in range(10)], "accountsInAll": 300}]
    ship(Shipment(Ledger(received=1)), FakeQueue())
    assert "foreign_events" not in metrics_of(capsys.readouterr().out)


def test_firehose_gets_its_records_back_as_they_came(ship):
    """A stream with a destination of its own loses nothing by having us look at its records."""
    event = {
        "invocationId": "i",
        "deliveryStreamArn": "arn:aws:firehose:…",
        "records": [{"recordId": "1", "data": "YQ=="}, {"recordId": "2", "data": ""}],
    }
    answer = ship(Shipment(Ledger(received=2)), FakeQueue(), event=event)
    assert answer == {"records": [{"recordId": "1", "result": "Ok", "data": "YQ=="}, {"recordId": "2", "result": "Ok", "data": ""}]}


@pytest.mark.parametrize("settings", [SETTINGS, Settings(queue_url="")], ids=["all settled", "no queue"])
def test_ship_sends_nothing_where_there_is_nothing_to_say_or_nobody_to_say_it_to(ship, settings):
    """Settled traces need no hint; without a queue the sweep finds the lines."""
    queue = FakeQueue()
    ship(Shipment(Ledger(received=1), () if settings.queue_url else (trace_id(1),)), queue, settings)
    assert queue.sent == []


@pytest.mark.parametrize("at", ["OpenSearch", "SQS"])
def test_ship_fails_where_something_may_still_succeed_later(ship, at):
    """Lambda must deliver the event again, whichever service was away."""
    away = UnavailableError(f"{at} does not answer")
    outcome = away if at == "OpenSearch" else Shipment(Ledger(received=1), (trace_id(1),))
    with pytest.raises(UnavailableError, match=at):
        ship(outcome, FakeQueue(away))
