"""The Lambda functions around a pipeline that answers as the test wants it: what they count, send on, and give back to SQS."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BadInputError, MisconfiguredError, UnavailableError
from pipeline.hint_queue import Hint
from pipeline.local.lambda_runtime import Context
from pipeline.resolve import Resolution
from pipeline.settings import Settings
from pipeline.ship import Ledger, Shipment
from shipper_function import hint_batch as hints_module
from shipper_function import queues as queue_module
from shipper_function import resolve as resolve_module
from shipper_function import ship as ship_module

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(queue_url="https://sqs.example/q", lookup_delays=(10, 30, 120))
SECRET = "the-payload-of-a-customer"


def trace_id(number):
    """A canonical trace id."""
    return f"{number + 1:032x}"


class FakeQueue:
    """Keeps what was sent; refuses where it is told to."""

    def __init__(self, failure=None):
        self.sent = []
        self.failure = failure

    def send(self, trace_ids, *, attempt, delay):
        if self.failure:
            raise self.failure
        self.sent.append((tuple(trace_ids), attempt, delay))


class FakeDeadLetters:
    """Keeps what was put aside; refuses where it is told to."""

    def __init__(self, failure=None):
        self.aside = []
        self.failure = failure

    def put_aside(self, bodies, reasons):
        if self.failure:
            raise self.failure
        self.aside += zip(bodies, reasons, strict=True)


class FakeResolver:
    """Leaves ``unsettled`` open, refuses what is ``bad``, and is away where it has a failure."""

    def __init__(self, unsettled=(), bad=(), failure=None):
        self.asked = []
        self.swept = []
        self.unsettled, self.bad, self.failure = unsettled, bad, failure

    def resolve(self, trace_ids, total):
        self.asked.append(tuple(trace_ids))
        if self.failure:
            raise self.failure
        if set(trace_ids) & set(self.bad):
            raise BadInputError("OpenSearch did not take a trace")
        left = tuple(id_ for id_ in dict.fromkeys(trace_ids) if id_ in self.unsettled)
        total.settled, total.unsettled, total.calls = len(trace_ids) - len(left), left, 1

    def sweep(self, *, min_age, go_on):
        assert go_on()
        self.swept.append(min_age)
        return Resolution(settled=7)


@pytest.fixture
def lambda_names(monkeypatch):
    """What Lambda's runtime sets, as far as Powertools reads it; the Tracer stays silent."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_LAMBDA_LOG_STREAM_NAME", "s")
    monkeypatch.setenv("LOCAL_FUNCTION_ARN", "arn:aws:lambda:eu-west-1:123456789012:function:f")


@pytest.fixture
def resolve(lambda_names, monkeypatch):
    """Hands records to the resolve function; returns its answer, with the fakes in place."""

    def call(records, resolver, queue=None, dead_letters=None):
        monkeypatch.setattr(resolve_module, "resolver", lambda: resolver)
        settings = replace(SETTINGS, dead_letters_url="https://sqs.example/d" if dead_letters else "")
        monkeypatch.setattr(resolve_module, "settings", lambda: settings)
        monkeypatch.setattr(hints_module, "queue", lambda settings: queue or FakeQueue())
        monkeypatch.setattr(hints_module, "dead_letters", lambda settings: dead_letters)
        return resolve_module.handler({"Records": records}, Context("52fdfc07-2182-454f-963f-5f0f9a621d72", 4e9))

    return call


@pytest.fixture
def ship(lambda_names, monkeypatch):
    """Hands an event to the ship function, whose pipeline returns or raises ``outcome``."""

    def call(outcome, queue, settings=SETTINGS, event=None):
        def fake(event, *, store, settings, remaining):
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(ship_module, "ship", fake)
        monkeypatch.setattr(ship_module, "settings", lambda: settings)
        monkeypatch.setattr(ship_module, "store", lambda: None)
        monkeypatch.setattr(queue_module, "queue", lambda settings: queue)
        return ship_module.handler(event or {"awslogs": {"data": SECRET}}, Context("52fdfc07-2182-454f-963f-5f0f9a621d72", 4e9))

    return call


def record(number, *, ids=(), attempt=0, body=None):
    """An SQS record as Lambda hands it over."""
    text = json.dumps({"traceIds": list(ids), "attempt": attempt}) if body is None else body
    return {"messageId": f"m{number}", "body": text, "eventSource": "aws:sqs"}


def failed(answer):
    """The message ids that SQS keeps."""
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def metrics_of(text):
    """The embedded metrics that a handler printed."""
    return next(json.loads(line) for line in text.splitlines() if '"_aws"' in line)


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


def test_the_traces_of_a_batch_are_looked_at_together(resolve):
    """Ten messages with one trace each make one resolve, so that five traces share a call to X-Ray."""
    resolver = FakeResolver()
    assert failed(resolve([record(n, ids=[trace_id(n)]) for n in range(10)], resolver)) == []
    assert resolver.asked == [tuple(trace_id(n) for n in range(10))]


def test_what_is_not_settled_comes_back_after_the_next_delay_until_the_last(resolve):
    """Each trace moves one delay on from its own hint; after the last delay the sweep is left to find it."""
    queue = FakeQueue()
    resolver = FakeResolver(unsettled=[trace_id(0), trace_id(1), trace_id(2)])
    resolve([record(n, ids=[trace_id(n), trace_id(n + 10)], attempt=n) for n in range(3)], resolver, queue)
    assert sorted(queue.sent) == [((trace_id(0),), 1, 30), ((trace_id(1),), 2, 120)]


def test_of_two_hints_for_one_trace_the_newer_line_counts(resolve):
    """A new line's trace is looked at as often as any other's, though an older hint of it is at its end."""
    queue = FakeQueue()
    records = [record(0, ids=[trace_id(0)], attempt=2), record(1, ids=[trace_id(0)], attempt=0)]
    resolve(records, FakeResolver(unsettled=[trace_id(0)]), queue)
    assert {(ids, attempt) for ids, attempt, _ in queue.sent} == {((trace_id(0),), 1)}


@pytest.mark.parametrize("body", ["", "no hint", '{"traceIds":"x"}', "null", f'{{"{SECRET}":1}}', f'"{SECRET}"'])
def test_what_is_no_hint_is_acknowledged_and_counted_and_never_quoted(resolve, capsys, caplog, body):
    """It would come back for ever; its neighbour is resolved, and the log names the message, not its content."""
    resolver = FakeResolver()
    assert failed(resolve([record(0, body=body), record(1, ids=[trace_id(1)])], resolver)) == []
    assert resolver.asked == [(trace_id(1),)]
    assert metrics_of(capsys.readouterr().out)["bad_hints"] == [1]
    assert [logged.messageId for logged in caplog.records] == ["m0"]
    assert SECRET not in str([vars(logged) for logged in caplog.records])


def test_what_is_no_hint_is_put_aside_at_once_with_its_reason(resolve):
    """It is kept as it came for somebody to look at, and never tried again; its neighbour is resolved."""
    dead_letters, resolver = FakeDeadLetters(), FakeResolver()
    assert failed(resolve([record(0, body="no hint"), record(1, ids=[trace_id(1)])], resolver, dead_letters=dead_letters)) == []
    ((body, reason),) = dead_letters.aside
    assert (body, resolver.asked) == ("no hint", [(trace_id(1),)])
    assert reason.startswith("the message is no hint")


def test_what_could_not_be_put_aside_comes_again(resolve):
    """It is lost at no time: SQS keeps it, and moves it to the dead letters itself after a few more tries."""
    away = FakeDeadLetters(UnavailableError("SQS does not take messages"))
    assert failed(resolve([record(0, body="no hint"), record(1, ids=[trace_id(1)])], FakeResolver(), dead_letters=away)) == ["m0"]


@pytest.mark.parametrize("at", ["X-Ray", "SQS"])
def test_where_a_service_is_away_every_hint_comes_again_and_the_log_says_why(resolve, caplog, at):
    """Nothing is acknowledged that was not done, and an operator can read the reason; what is no hint is gone all the same."""
    away = UnavailableError(f"{at} does not answer")
    resolver = FakeResolver(failure=away) if at == "X-Ray" else FakeResolver(unsettled=[trace_id(0)])
    answer = resolve([record(n, ids=[trace_id(n)]) for n in range(3)] + [record(3, body="no hint")], resolver, FakeQueue(away))
    assert failed(answer) == ["m0", "m1", "m2"]
    assert f"{at} does not answer" in [getattr(logged, "reason", "") for logged in caplog.records]


def test_one_refused_trace_holds_only_its_own_message_back(resolve):
    """The neighbours of a trace that OpenSearch refuses are settled, message by message."""
    resolver = FakeResolver(bad=[trace_id(1)])
    assert failed(resolve([record(n, ids=[trace_id(n)]) for n in range(3)], resolver)) == ["m1"]
    assert resolver.asked[1:] == [(trace_id(0),), (trace_id(1),), (trace_id(2),)]


def test_wrong_settings_fail_the_invocation(resolve):
    """They are no fault of any one message: the function's errors must show, not a queue that quietly fills."""
    with pytest.raises(MisconfiguredError):
        resolve([record(0, ids=[trace_id(0)])], FakeResolver(failure=MisconfiguredError(["TRACEJOIN_ENDPOINT is wrong"])))


def test_a_scheduled_event_sweeps(resolve):
    """The schedule's event carries no records; hints of younger lines are left to their messages."""
    resolver = FakeResolver()
    resolve([record(0)], resolver)
    assert resolve_module.handler({"source": "aws.scheduler"}, Context("52fdfc07-2182-454f-963f-5f0f9a621d72", 4e9)) is None
    assert resolver.swept == [10]


@given(hints=st.lists(st.builds(Hint, st.lists(st.integers(0, 8).map(trace_id), max_size=5).map(tuple), st.integers(0, 4)), max_size=6))
def test_every_open_trace_is_sent_once_or_was_at_its_end(hints):
    """Whatever the hints overlap in: no trace goes out twice, none is forgotten before its last delay, none starts anew."""
    queue, original = FakeQueue(), hints_module.queue
    hints_module.queue = lambda settings: queue
    try:
        open_ = list(dict.fromkeys(id_ for hint in hints for id_ in hint.trace_ids))
        hints_module.send_again(open_, hints, SETTINGS)
    finally:
        hints_module.queue = original
    first = {id_: min(hint.attempt for hint in hints if id_ in hint.trace_ids) for id_ in open_}
    sent = {id_: attempt for ids, attempt, _ in queue.sent for id_ in ids}
    assert sum(len(ids) for ids, _, _ in queue.sent) == len(sent)
    assert sent == {id_: attempt + 1 for id_, attempt in first.items() if attempt + 1 < len(SETTINGS.lookup_delays)}
    assert all(delay == SETTINGS.lookup_delays[attempt] for _, attempt, delay in queue.sent)


@pytest.mark.parametrize(
    ("module", "dear"), [("ship", {"boto3", "botocore.session", "botocore.client", "aws_xray_sdk"}), ("resolve", {"click", "rich"})]
)
def test_importing_reads_no_settings_and_loads_nothing_dear(module, dear):
    """A cold start of ship waits for neither boto3 nor the Tracer; settings are read at the first event, and no earlier."""
    script = f"import sys, shipper_function.{module} as m; print(m.settings.cache_info().currsize, *sys.modules)"
    environment = {**os.environ, "TRACEJOIN_PREFIX": "Not This"}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment, cwd=ROOT)
    read, *loaded = run.stdout.split()
    assert read == "0"
    assert not (dear | {"pipeline.local", "pipeline.cli"}) & set(loaded)


def test_a_service_s_name_becomes_what_cloudwatch_takes(resolve, capsys):
    """A dimension is ASCII, not blank, and begins with no colon: CloudWatch would drop the metric. Names that end alike add up."""
    resolver = FakeResolver()
    noted = {
        "zahlung-ü": {"timeout": 1},
        "zahlung-é": {"timeout": 2},
        " ": {"timeout": 1},
        ":x\x00": {"timeout": 1},
        "y" * 2000: {"crash": 1},
    }
    resolver.resolve = lambda trace_ids, total: total.noted.update(noted)
    resolve([record(0, ids=[trace_id(0)])], resolver)
    assert faults_of(capsys.readouterr().out) == {("zahlung-?", "timeout"): 3, ("unknown", "timeout"): 1, ("x?", "timeout"): 1,
                                                  ("y" * 256, "crash"): 1, ("tracejoin-resolve", ""): 6}  # fmt: skip


def test_made_up_service_names_do_not_make_a_bill(resolve, capsys):
    """Fifty pairs of a service and a rule are counted by name, the rest as others; nothing is missing from the sum."""
    resolver = FakeResolver()
    resolver.resolve = lambda trace_ids, total: total.noted.update({f"s{number}": {"timeout": 1} for number in range(60)})
    resolve([record(0, ids=[trace_id(0)])], resolver)
    found = faults_of(capsys.readouterr().out)
    assert (len(found), found["others", "others"], found["tracejoin-resolve", ""]) == (52, 10, 60)


def faults_of(text):
    """The metric HiddenFaults by service and rule, as it was printed."""
    rows = [json.loads(line) for line in text.splitlines() if "HiddenFaults" in line]
    return {(row["service"], row.get("rule", "")): int(row["HiddenFaults"][0]) for row in rows}


def test_faults_that_were_noted_before_a_run_failed_are_counted(resolve, capsys):
    """OpenSearch goes away after the note: the hint comes again and finds it noted, so this is the one time to count it."""

    def note_and_fail(trace_ids, total):
        total.noted["stock"] = {"timeout": 2}
        raise UnavailableError("away")

    resolver = FakeResolver()
    resolver.resolve = note_and_fail
    assert failed(resolve([record(0, ids=[trace_id(0)])], resolver)) == ["m0"]
    assert faults_of(capsys.readouterr().out) == {("stock", "timeout"): 2, ("tracejoin-resolve", ""): 2}
