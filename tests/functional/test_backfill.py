"""Backfill: past events through the command, from CloudWatch Logs as its API reference describes it, from a local AWS, and from an export."""

import gzip
import json
import os
import signal
import subprocess
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from click.testing import CliRunner

from pipeline.backfill.backfill import Backfill
from pipeline.backfill.portion import Window
from pipeline.backfill.saved_progress import SavedProgress
from pipeline.cli.main import cli
from pipeline.configure import store_for
from pipeline.errors import MisconfiguredError, TracejoinError, UnavailableError
from pipeline.local.environment import local_client, local_environment
from pipeline.model.timestamps import iso_millis
from pipeline.search.explain_trace import explain_traces, in_words
from pipeline.search.search import documents
from tests.support.cloudwatch_logs import CloudWatchLogs
from tests.support.command import MAIN, rows
from tests.support.events import NOW, TRACE, document, end, lambda_event, powertools, report, start
from tests.support.http_server import Forwarder, HttpServer
from tests.support.shipping import lines_of, resolver, shipped
from tests.support.stores import both_kinds
from tests.support.waiting import PATIENCE
from tests.support.world import Case, calm_order, new_salt

GROUPS = ("/aws/*", "/ecs/*", "API-Gateway*", "aws/spans")
DAY = 86_400_000


@pytest.fixture
def call(settings, tmp_path):
    """Runs `tracejoin backfill`: in a process of its own, which ``started`` is told, else in this one."""

    def run(endpoint, *arguments, started=None):
        own = {"TRACEJOIN_ENDPOINT": settings.endpoint, "TRACEJOIN_PREFIX": settings.prefix, "AWS_ENDPOINT_URL": endpoint,
               "XDG_STATE_HOME": str(tmp_path), "COLUMNS": "160"}  # fmt: skip
        words = ["backfill", *map(str, arguments)]
        if not started:
            done = CliRunner().invoke(cli, words, env=local_environment(own))
            if isinstance(done.exception, TracejoinError):
                return 2 if isinstance(done.exception, MisconfiguredError) else 1, done.stdout, done.stderr + str(done.exception)
            assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
            return done.exit_code, done.stdout, done.stderr
        with subprocess.Popen([*MAIN, *words], env=local_environment(own), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # fmt: skip
            started(process)
            output, errors = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in errors, errors
        return process.returncode, output, errors

    return run


@contextmanager
def ending(how):
    """A function that takes each process, and one that a server calls: at its ``at``-th call from then on, the process gets the signal."""
    state = {"process": None, "at": 0, "calls": 0}

    def started(process):
        state.update(process=process, calls=0)

    def called(_):
        state["calls"] += 1
        if state["calls"] == state["at"]:
            os.kill(state["process"].pid, how)

    yield state, started, called


def stored(store):
    """Every log document, by its id."""
    store.refresh()
    return {line["_id"]: line for line in documents(store.search({"size": 1000}, index=f"{store.prefix}-logs-*"))}


def test_killed_five_times_beside_live_shipping_it_ends_with_the_same_documents(store, settings, call):
    """A world of which live shipping brings half, in the middle of a backfill that is killed, throttled and told nothing by empty pages."""
    expected = calm_order(store, settings)
    case = Case(store, settings, new_salt())
    live = iter(range(0, len(case.world.batches), 2))
    with ending(signal.SIGKILL) as (state, started, called):

        def beside(number):
            called(number)
            if (batch := next(live, None)) is not None:
                case.deliver(batch)

        with CloudWatchLogs(case.world.batches, page=4, throttle_each=30, called=beside) as logs:
            arguments = (*GROUPS, "--since", "1d", "--rate", 100, "--json")
            for at in (2, 4, 5, 6, 7):
                state["at"] = at
                status, output, _ = call(logs.endpoint, *arguments, started=started)
                assert (status, output) == (-signal.SIGKILL, "")
            state["at"] = 0
            status, output, errors = call(logs.endpoint, *arguments, started=started)
    (counts,) = rows(output)
    assert (status, counts["complete"], "goes on where it stopped" in errors) == (0, True, True)
    assert 0 < counts["received"] == counts["indexed"] + counts["duplicate"] < sum(map(len, logs.groups.values()))
    case.undelivered.clear()
    # a line's `state` tells what it said by itself, and depends on how its stream was cut into batches
    assert without_state(case.finish()) == without_state(expected)


def without_state(found):
    """These documents without the facts that verdicts follow from."""
    return [{name: value for name, value in document.items() if name != "state"} for document in found]


def test_ctrl_c_ends_it_in_a_sentence_and_it_goes_on_from_there(store, settings, call):
    """What was shipped is not asked for again; without anything left the file with the progress is gone."""
    batches = [lambda_event([f"line {group}"], group=f"/g/{group}", first=group * 10) for group in range(12)]
    with ending(signal.SIGINT) as (state, started, called), CloudWatchLogs(batches, called=called) as logs:
        state["at"] = 9
        status, output, errors = call(logs.endpoint, "/g/*", "--since", "1d", "--rate", 20, "--json", started=started)
        before = rows(output)[0]
        assert (status, before["complete"], "the same command goes on" in errors) == (1, False, True)
        assert 0 < before["indexed"] < 12
        state["at"] = 0
        _, output, _ = call(logs.endpoint, "/g/*", "--since", "1d", "--rate", 20, "--json", started=started)
    after = rows(output)[0]
    assert (before["indexed"] + after["indexed"], after["complete"]) == (12, True)
    assert after["received"] < 12
    assert len(stored(store)) == 12


def test_a_second_backfill_finds_only_duplicates_and_reads_what_it_is_told(store, settings, call):
    """The same ids as a subscription's; times and filter pattern go to CloudWatch Logs; a tracejoin stack's own log group stays out."""
    event = lambda_event([start(), powertools("paid"), end(), report()], at=NOW - 1000)
    shipped(event, store, settings)
    own = lambda_event(["ours"], group="/aws/lambda/tracejoin-ship")
    with CloudWatchLogs([event, own]) as logs:
        logs.tags["/aws/lambda/tracejoin-ship"] = {"tracejoin:pipeline": "stack"}
        status, output, errors = call(logs.endpoint, "/aws/lambda/*", "--since", "2h", "--until", "now", "--filter", "paid", "--json")
    counts = rows(output)[0]
    assert (status, counts["received"], counts["duplicate"], counts["storedUnderOtherId"]) == (0, 1, 1, 0)
    assert "tracejoin-ship is left out" in errors
    assert {asked["filterPattern"] for asked in logs.asked} == {"paid"}
    assert max(asked["endTime"] for asked in logs.asked) - min(asked["startTime"] for asked in logs.asked) == pytest.approx(
        7_200_000, abs=5000
    )


def test_a_token_that_expires_and_a_group_that_is_denied(store, settings, call):
    """Reading begins again at the newest event; without permission the permission is named, and nothing pretends to be done."""
    event = lambda_event([f"line {number}" for number in range(9)], at=NOW - 60_000)
    with CloudWatchLogs([event], page=2) as logs:
        # as after a night: the fourth page's token
        logs.expired.add("4/4")
        status, output, _ = call(
            logs.endpoint, "/aws/lambda/orders", "--since", NOW - 120_000, "--until", NOW - 30_000, "--rate", 50, "--json"
        )
        assert (status, rows(output)[0]["indexed"]) == (0, 9)
        assert not logs.expired
        logs.denied = True
        status, output, errors = call(logs.endpoint, "/aws/lambda/orders", "--since", "1d")
        assert (status, output, "logs:FilterLogEvents is denied" in errors) == (2, "", True)


@pytest.mark.parametrize(("arguments", "told"), [
    (("/none", "--since", "1d"), "there is no log group /none"),
    (("/aws/lambda/orders",), "--since is missing"),
    (("/aws/lambda/orders", "--since", "soon"), "is no time"),
    (("/aws/lambda/orders", "--since", "1h", "--until", "2h"), "nothing is between them"),
    (("/a", "/b", "--export", "s3://bucket"), "--export goes with one LOG-GROUP"),
    (("/aws/lambda/*", "--export", "s3://bucket"), "/aws/lambda/* stands for 2"),
    (("arn:aws:logs:us-east-1:123456789012:log-group:/x", "--since", "1d"), "--region us-east-1 reads it"),
    (("arn:aws:iam::1:role/x", "--since", "1d"), "is no ARN of a log group"),
])  # fmt: skip
def test_what_is_wrong_is_one_clear_line(store, call, arguments, told):
    """Each wrong use has its own sentence, and no request asks for events."""
    with CloudWatchLogs([lambda_event(["a"]), lambda_event(["a"], group="/aws/lambda/other")]) as logs:
        status, output, errors = call(logs.endpoint, *arguments)
    assert (status > 0, output, told in errors, logs.calls) == (True, "", True, 0)


def test_while_open_search_is_away_it_waits_and_then_goes_on(store, settings, tmp_path):
    """What could not be written is shipped again, as often as it takes; what never can be ends it, and the progress is kept."""
    away, told, pauses = [3], [], []
    forward = Forwarder(settings.endpoint)

    def answer(request):
        if away[0]:
            away[0] -= 1
            return 503, {}
        return forward(request)

    class Two:
        key, weight = "two", 1.0

        def windows(self, position):
            for number in range(position + 1, 2):
                yield Window(documents=[document([f"line {number}"], first=number)], position=number, share=0.5)

    saved = SavedProgress(tmp_path / "progress.json", since=0, until=1)
    with HttpServer(answer) as server, closing(store_for(replace(settings, endpoint=server.endpoint))) as behind:
        progress = Backfill(behind, settings, saved, waiting=told.append, pause=pauses.append).run([Two()])
        assert (progress.ledger.indexed, progress.done, pauses == sorted(pauses), len(pauses) > 0) == (2, 1.0, True, True)
        assert all("503" in reason for reason in told)
        saved = SavedProgress(tmp_path / "other.json", since=0, until=1)
        away[0] = 10**6
        with pytest.raises(UnavailableError):
            Backfill(behind, settings, saved, pause=lambda _: None).run([Two()])
    assert SavedProgress(tmp_path / "other.json", since=5, until=6).until == 1


def test_a_folder_that_takes_no_progress_is_named(store, call, tmp_path):
    """Before anything is shipped."""
    (tmp_path / "tracejoin").write_text("no folder")
    with CloudWatchLogs([lambda_event(["a"])]) as logs:
        status, output, errors = call(logs.endpoint, "/aws/lambda/orders", "--since", "1d")
    assert (status, output, "set XDG_STATE_HOME" in errors, stored(store)) == (2, "", True, {})


def test_another_accounts_log_group_is_read_by_its_arn(store, settings, call):
    """Its documents have the account of the ARN, as a subscription names it."""
    event = lambda_event(["from afar"], group="/far", owner="210987654321")
    arn = "arn:aws:logs:eu-west-1:210987654321:log-group:/far"
    shipped(event, store, settings)
    with CloudWatchLogs([event]) as logs:
        _, output, _ = call(logs.endpoint, arn, "--since", "1d", "--json")
    assert (rows(output)[0]["duplicate"], len(stored(store)), logs.asked[0]["logGroupIdentifier"]) == (1, 1, arn)


@both_kinds
def test_where_event_ids_differ_nothing_is_stored_twice(aws, store, settings, call):
    """The local AWS shows other ids than a subscription brings: lines are found by stream, time and text, as often as they are stored."""
    logs = local_client("logs", aws)
    group, stream = f"/aws/lambda/{settings.prefix}", f"2026/11/29/[$LATEST]{'a' * 32}"
    messages = [start(), "twice", "twice", powertools("paid", password="hunter2"), "not yet shipped", end(), report()]
    at = NOW - 60_000
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": at, "message": message} for message in messages])
    account = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"].split(":")[4]
    live = [message for message in messages if message != "not yet shipped"]
    delivery = document(live, group=group, stream=stream, owner=account)
    shipped(delivery | {"logEvents": [event | {"timestamp": at} for event in delivery["logEvents"]]}, store, settings)
    before = stored(store)
    for indexed in (1, 0):
        status, output, _ = call(aws, group, "--since", "1d", "--json")
        counts = rows(output)[0]
        assert (status, counts["received"], counts["indexed"], counts["storedUnderOtherId"]) == (0, 7, indexed, 6)
    after = stored(store)
    assert sorted(line["body"] for id_, line in after.items() if id_ not in before) == ["not yet shipped"]


@pytest.fixture
def export(aws, settings):
    """Puts the lines of objects into S3, as an export of CloudWatch Logs does; returns where it is."""
    s3 = local_client("s3", aws)
    bucket = f"b{settings.prefix}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def put(objects):
        s3.put_object(Bucket=bucket, Key="exportedlogs/aws-logs-write-test", Body=b"Permission Check Successful")
        for name, content in objects.items():
            body = gzip.compress(content.encode()) if isinstance(content, str) else content
            s3.put_object(Bucket=bucket, Key=f"exportedlogs/task/{name}", Body=body)
        return f"s3://{bucket}/exportedlogs"

    return put


def exported(at, message):
    """One event of an export."""
    return f"{iso_millis(at)} {message}\n"


@both_kinds
def test_an_export_is_shipped_once_whatever_was_shipped_before(aws, store, settings, call, export):
    """Events out of order and over several lines find their invocation; what live shipping brought is found again, without any event id."""
    group, stream = f"/aws/lambda/{settings.prefix}", f"2026/11/29/[$LATEST]{'b' * 32}"
    local_client("logs", aws).create_log_group(logGroupName=group)
    account = local_client("logs", aws).describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"].split(":")[4]
    messages = [start(), "Traceback:\n  File x\nValueError: no stock", "a bare line", "a bare line", end(), report()]
    shipped(lambda_event([messages[0], messages[4]], group=group, stream=stream, owner=account, at=NOW), store, settings)
    times = [NOW, NOW, NOW, NOW, NOW + 1, NOW + 1]
    texts = [exported(at, message) for at, message in zip(times, messages, strict=True)]
    url = export({f"{stream.replace('/', '-')}/000000.gz": "".join(texts[3:]), f"{stream.replace('/', '-')}/000001.gz": "".join(texts[:3])})
    for indexed, found in ((4, 2), (0, 2)):
        status, output, errors = call(aws, group, "--export", url, "--json")
        counts = rows(output)[0]
        assert (status, counts["received"], counts["indexed"], counts["storedUnderOtherId"]) == (0, 6, indexed, found), errors
    lines_ = stored(store).values()
    assert sorted(line["body"].strip() for line in lines_) == sorted(message.strip() for message in messages)
    assert {line["aws"]["logStream"] for line in lines_} == {stream}
    resolver(store, settings)[0].sweep(force=True)
    assert len(lines_of(store)) == 6


@both_kinds
def test_times_that_no_log_group_takes_stop_nobody(aws, store, settings, call, export):
    """A forged object names years that OpenSearch has no time for; each event is stored once, like its neighbours."""
    local_client("logs", aws).create_log_group(logGroupName=f"/x/{settings.prefix}")
    texts = ["9999-12-31T23:59:59.999Z late\n", "0001-01-01T00:00:00.000Z early\n", exported(NOW, "now"), "9999999999999 later\n"]
    url = export({"s/000000.gz": "".join(texts)})
    for indexed in (4, 0):
        status, output, errors = call(aws, f"/x/{settings.prefix}", "--export", url, "--json")
        assert (status, rows(output)[0]["received"], rows(output)[0]["indexed"]) == (0, 4, indexed), errors


def test_of_an_export_what_can_be_read_is_shipped_and_the_rest_is_named(aws, store, settings, call, export):
    """A damaged object stops no other one, and is tried again by the same command; the name of a log stream without doubt is asked for."""
    logs = local_client("logs", aws)
    group = f"/ecs/{settings.prefix}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="ecs/web-1/7")
    whole = gzip.compress("".join(exported(NOW + number, f"line {number} {os.urandom(20).hex()}") for number in range(500)).encode())
    objects = {
        "ecs-web-1-7/000000.gz": whole[: len(whole) // 2],
        "ecs-web-1-7/000001.gz": exported(NOW, "good"),
        "gone-stream/000000.gz": exported(NOW, "x"),
    }
    url = export(objects)
    status, output, errors = call(aws, group, "--export", url, "--json")
    counts = rows(output)[0]
    assert (status, counts["complete"], "000000.gz is not readable gzip" in errors) == (1, False, True)
    assert "gone-stream is unknown to CloudWatch Logs" in errors
    assert counts["indexed"] > 100
    assert {line["aws"]["logStream"] for line in stored(store).values()} == {"ecs/web-1/7", "gone-stream"}
    export({"ecs-web-1-7/000000.gz": whole})
    status, output, _ = call(aws, group, "--export", url, "--json")
    assert (status, rows(output)[0]["received"], len(stored(store))) == (0, 500, 502)
    status, _, errors = call(aws, group, "--export", f"{url}/nothing")
    assert (status, "there is no exported object" in errors) == (1, True)


def test_traces_that_x_ray_no_longer_keeps_are_not_asked_for(store, settings, call):
    """What is older than thirty days ends as notFound without a call, and says why; what is younger is asked for.

    So is what has an id of another time than its lines, which may be one that X-Ray did not make.
    """
    ids = {name: f"{at // 1000:08x}{TRACE[8:]}" for name, at in (("old", NOW - 31 * DAY), ("young", NOW - 29 * DAY), ("fresh", NOW))}
    ids["foreign"] = TRACE
    old, young, fresh, foreign = (powertools(name, request=name, trace=id_) for name, id_ in ids.items())
    events = [lambda_event([old, fresh, foreign], at=NOW - 31 * DAY), lambda_event([young], at=NOW - 29 * DAY, first=9)]
    with CloudWatchLogs(events) as logs:
        status, _, errors = call(logs.endpoint, "/aws/lambda/orders", "--since", "40d", "--json")
    assert (status, "X-Ray keeps traces for 30 days" in errors, "14 days goes into one index" in errors) == (0, True, True)
    # with less, the sweep deletes the old trace once it has settled
    worker, source = resolver(store, replace(settings, retention_days=60))
    worker.sweep(force=True)
    assert source.calls == 1
    traces = {line["body"]: line["trace"] for line in stored(store).values()}
    assert (traces["old"]["state"], "was not asked for this older one" in traces["old"]["stateReason"]) == ("notFound", True)
    assert all("it was asked until" in traces[name]["stateReason"] for name in ("young", "fresh", "foreign"))
    explained = explain_traces(ids["old"], store)[0]
    assert any("X-Ray was not asked" in sentence for sentence in in_words(explained))


def test_a_stack_says_how_to_ship(aws, store, settings, call):
    """What the stack's ship would redact is redacted; a stack that is not there is named."""
    own = {"TRACEJOIN_ENDPOINT": settings.endpoint, "TRACEJOIN_PREFIX": settings.prefix, "TRACEJOIN_REDACT_PATTERNS": "(?i)order-[0-9]+"}
    ship = {"FunctionName": f"{settings.prefix}-ship", "Handler": "index.handler", "Runtime": "python3.11", "Role": "arn:aws:iam::000000000000:role/x",
            "Code": {"ZipFile": "def handler(event, context):\n    pass\n"}, "Environment": {"Variables": own}}  # fmt: skip
    cloudformation, logs = local_client("cloudformation", aws), local_client("logs", aws)
    template = {"Resources": {"ShipFunction": {"Type": "AWS::Lambda::Function", "Properties": ship}}}
    cloudformation.create_stack(StackName=settings.prefix, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=settings.prefix, WaiterConfig={"Delay": 1})
    group = f"/ecs/{settings.prefix}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{"timestamp": NOW, "message": "order-17 fails"}])
    status, _, errors = call(aws, group, "--since", "1d", "--stack", settings.prefix)
    assert (status, [line["body"] for line in stored(store).values()]) == (0, ["[redacted] fails"]), errors
    status, _, errors = call(aws, group, "--since", "1d", "--stack", "nobody-s")
    assert (status, "there is no stack nobody-s" in errors) == (2, True)
