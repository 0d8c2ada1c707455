"""`tracejoin invocations`, `search --tenant` and the agents' tool: from Lambda's own lines to rows and totals."""

import json
import math
import re
import uuid

import pytest

from pipeline.agents.answer import answer_text
from pipeline.agents.tools import Stored, tool_named
from pipeline.errors import BadInputError
from pipeline.search.function_totals import function_totals
from pipeline.search.invocation_list import list_invocations
from pipeline.search.invocation_query import InvocationQuery
from tests.support.command import rows, tracejoin
from tests.support.documents import Watched, indexed, line, put
from tests.support.events import NOW, TRACE, lambda_event, report, start

STREAM = "2026/11/24/[$LATEST]" + "a" * 32
SHARED = "2026/11/24/checkout[$LATEST]" + "b" * 32
HOSTILE = "a\x1b[31m\u202e[bold]"


def request(number: int) -> str:
    """A request id."""
    return str(uuid.UUID(int=number))


def reported(number: int, ms: float, *, memory: int = 128, more: str = "") -> str:
    """A REPORT line without tracing."""
    return (f"REPORT RequestId: {request(number)}\tDuration: {ms:.2f} ms\tBilled Duration: {math.ceil(ms)} ms\tMemory Size: {memory} MB\t"
            f"Max Memory Used: 72 MB\t{more}\n")  # fmt: skip


def event(kind: str, number: int, **record: object) -> str:
    """A platform event of an invocation."""
    return json.dumps({"time": "2026-11-24T10:00:00.000Z", "type": f"platform.{kind}", "record": {"requestId": request(number), **record}})


def done(number: int, ms: float, **record: object) -> str:
    """The report on an invocation in the JSON log format."""
    metrics = {"durationMs": ms, "billedDurationMs": math.ceil(ms), "memorySizeMB": 1024, "maxMemoryUsedMB": 300}
    return event("report", number, **{"status": "success", "metrics": metrics, **record})


@pytest.fixture
def environment(store):
    """The store's endpoint and prefix."""
    return {"TRACEJOIN_ENDPOINT": store.endpoint, "TRACEJOIN_PREFIX": store.prefix}


@pytest.fixture
def shop(store, settings):
    """Three functions in Lambda's text and JSON format and in a log group of many, and a program that prints a REPORT."""
    orders = [
        reported(1, 10, more="Init Duration: 200.00 ms\t"),
        start(request(2)), f"[ERROR]\t2026-11-24T10:00:00.000Z\t{request(2)}\tValueError: no\nTraceback (most recent call last):\n  x", reported(2, 20),
        reported(3, 3000, more="Status: timeout\t"),
        f"2026-11-24T10:00:00.000Z {request(4)} Task timed out after 3.00 seconds", reported(4, 3001),
        report(request(5), TRACE),
        reported(6, 30, more="Restore Duration: 511.25 ms\tBilled Restore Duration: 303 ms\t"),
    ]  # fmt: skip
    indexed(lambda_event(orders, stream=STREAM), store, settings)
    pay = [
        event("start", 11, tenantId="acme"), json.dumps({"level": "INFO", "message": "paid", "requestId": request(11), "tenantId": "acme"}),
        event("runtimeDone", 11, tenantId="acme", status="success", metrics={"durationMs": 99}), done(11, 100, tenantId="acme"),
        done(12, 200, tenantId="globex", status="failure", errorType="Runtime.ExitError"),
        json.dumps({"level": "INFO", "message": "mine", "tenant_id": "acme"}),
    ]  # fmt: skip
    indexed(lambda_event(pay, group="/aws/lambda/pay", stream=STREAM, first=100), store, settings)
    indexed(lambda_event([reported(21, 5, memory=512)], group="/shop/all", stream=SHARED, first=200), store, settings)
    indexed(lambda_event([reported(31, 5)], group="/ecs/app", stream="task/1", first=300), store, settings)
    return store


def listed(*arguments, **environment):
    """The rows of invocations and of functions, and what was said."""
    code, out, err = tracejoin("invocations", "--json", *arguments, **environment)
    found = rows(out)
    return code, [row for row in found if row["kind"] == "invocation"], [row for row in found if row["kind"] == "function"], err


def numbers(found):
    """The numbers of the invocations, in their order."""
    return [uuid.UUID(row["requestId"]).int for row in found]


def test_each_invocation_is_one_row_with_what_lambda_reports(environment, shop):
    """START, runtimeDone and the lines of a function are no row; a program's printed REPORT is none, either."""
    code, found, _, err = listed(**environment)
    assert (code, err) == (0, "")
    assert sorted(numbers(found)) == [1, 2, 3, 4, 5, 6, 11, 12, 21]
    by_number = dict(zip(numbers(found), found, strict=True))
    cold, restored, failed = by_number[1], by_number[6], by_number[12]
    assert [cold[name] for name in ("function", "durationMs", "billedMs", "memoryMb", "maxMemoryMb", "initMs", "coldStart", "status")] == [
        "orders", 10, 10, 128, 72, 200, True, "success"]  # fmt: skip
    assert (restored["restoreMs"], restored["initMs"], restored["coldStart"]) == (511.25, None, True)
    assert (failed["status"], failed["errorType"], failed["tenantId"], failed["function"]) == (
        "failure",
        "Runtime.ExitError",
        "globex",
        "pay",
    )
    assert (by_number[5]["traceId"], by_number[5]["traceState"]) == ("1-5759e988-bd862e3fe1be46a994272793", "pending")
    assert by_number[21]["function"] == "checkout"


def test_the_status_is_what_lambda_its_segment_or_its_lines_say(environment, shop):
    """A text REPORT names no exception and, of old, no timeout: the lines of the request do."""
    _, found, _, _ = listed(**environment)
    statuses = dict(zip(numbers(found), (row["status"] for row in found), strict=True))
    assert statuses == {1: "success", 2: "exception", 3: "timeout", 4: "timeout", 5: "success", 6: "success", 11: "success", 12: "failure",
                        21: "success"}  # fmt: skip
    assert sorted(numbers(listed("--failed", **environment)[1])) == [2, 3, 4, 12]
    assert sorted(numbers(listed("--status", "timeout", **environment)[1])) == [3, 4]
    assert sorted(numbers(listed("--status", "success", **environment)[1])) == [1, 5, 6, 11, 21]
    assert numbers(listed("--status", "exception", "--status", "failure", "--sort", "duration", **environment)[1]) == [12, 2]


def test_the_same_request_id_in_another_log_group_says_nothing(environment, shop, store, settings):
    """A line of another function that names the id, and an exception, leaves the invocation's status alone."""
    other = f"[ERROR]\t2026-11-24T10:00:00.000Z\t{request(1)}\tValueError: no\nTraceback (most recent call last):\n  x"
    indexed(lambda_event([other], group="/aws/lambda/other", stream=STREAM, first=400), store, settings)
    assert 1 in numbers(listed("--status", "success", **environment)[1])


def test_each_attempt_of_a_request_has_its_own_status(environment, store, settings):
    """Lambda tries an asynchronous invocation again under the same id, often in the same environment: only the first try failed."""
    failing = f"[ERROR]\t2026-11-24T10:00:00.000Z\t{request(1)}\tValueError: no\nTraceback (most recent call last):\n  x"
    indexed(lambda_event([failing, reported(1, 10)], stream=STREAM, at=NOW - 120_000), store, settings)
    indexed(lambda_event([reported(1, 20)], stream=STREAM, at=NOW - 30_000, first=50), store, settings)
    _, found, (totals,), _ = listed(**environment)
    assert {row["durationMs"]: row["status"] for row in found} == {10: "exception", 20: "success"}
    assert (totals["failed"], totals["exceptions"]) == (1, 1)


def test_a_segment_that_failed_makes_the_invocation_an_error(environment, store):
    """Where Lambda says nothing, the segment of the invocation does; in the totals, too."""
    report_of = {"eventName": "REPORT", "durationMs": 1.5, "aws": {"logGroup": "/aws/lambda/a", "accountId": "1"}, "serviceName": "a"}
    put(store, line("1", requestId="r1", segment={"fault": True}, **report_of), line("2", requestId="r2", segment={"error": True}, **report_of),
        line("3", requestId="r3", segment={"fault": False}, **report_of),
        line("4", requestId="r4", segment={"error": True}, platformStatus="success", **report_of))  # fmt: skip
    _, found, (totals,), _ = listed("--since", "2026-11-24", "--until", "2026-11-25", **environment)
    assert {row["requestId"]: row["status"] for row in found} == {"r1": "error", "r2": "error", "r3": "success", "r4": "success"}
    assert (totals["invocations"], totals["failed"]) == (4, 2)


def test_filters_and_order(environment, shop):
    """By function, log group, tenant, cold start and duration; sorted by each measure, in both directions; the first N."""
    assert sorted(numbers(listed("--function", "pay", **environment)[1])) == [11, 12]
    assert sorted(numbers(listed("--function", "/aws/lambda/pay", "--function", "checkout", **environment)[1])) == [11, 12, 21]
    assert listed("--function", "pa*", **environment)[:2] == (1, [])
    assert listed("--function", "check", **environment)[:2] == (1, [])
    assert numbers(listed("--tenant", "acme", **environment)[1]) == [11]
    assert sorted(numbers(listed("--cold", **environment)[1])) == [1, 6]
    assert sorted(numbers(listed("--warm", "--function", "orders", **environment)[1])) == [2, 3, 4, 5]
    assert sorted(numbers(listed("--slower-than", "3000", **environment)[1])) == [3, 4]
    assert numbers(listed("--sort", "duration", "--limit", "3", **environment)[1]) == [4, 3, 12]
    assert numbers(listed("--sort", "duration", "--reverse", "--limit", "2", **environment)[1]) == [21, 1]
    assert numbers(listed("--sort", "init", "--limit", "1", **environment)[1]) == [1]
    assert set(numbers(listed("--sort", "memory", "--limit", "2", **environment)[1])) == {11, 12}
    times = [row["at"] for row in listed(**environment)[1]]
    assert times == sorted(times, reverse=True)
    code, found, _, err = listed("--limit", "2", **environment)
    assert (code, len(found), "showing 2 of 9" in err) == (0, 2, True)


def test_totals_and_percentiles_of_each_function(environment, shop):
    """Counts, failures, cold starts, percentiles and GB-seconds, the dearest first; whatever is listed above them."""
    _, found, totals, _ = listed("--by-function", **environment)
    assert found == []
    assert [row["function"] for row in totals] == ["orders", "pay", "all"]
    orders, pay, shared = totals
    assert [orders[name] for name in ("invocations", "failed", "timeouts", "exceptions", "coldStarts", "memoryMb")] == [6, 3, 2, 1, 2, 192]
    assert (pay["invocations"], pay["failed"], pay["durationMs"]["max"], pay["billedMs"]) == (2, 1, 200, 300)
    assert pay["gbSeconds"] == pytest.approx(0.3)
    assert orders["gbSeconds"] == pytest.approx((10 + 20 + 3000 + 3001 + 30) / 1000 * 128 / 1024 + 47 / 1000 * 192 / 1024)
    assert orders["durationMs"]["p50"] <= orders["durationMs"]["p95"] <= orders["durationMs"]["p99"] <= orders["durationMs"]["max"] == 3001
    assert (orders["initMs"]["p95"], orders["restoreMs"]["p95"], shared["initMs"]["p95"]) == (200, 511.25, None)


def test_totals_are_those_of_the_rows_that_the_filters_choose(environment, shop):
    """Counts, percentiles and sums, with each filter and beside a list: of Lambda's own statuses, and of what lines alone tell."""
    filters = [("--failed",), ("--status", "success"), ("--status", "timeout"), ("--status", "exception", "--status", "failure"), ("--cold",),
               ("--failed", "--function", "orders"), ("--tenant", "acme"), ("--slower-than", "3000", "--failed"), ("--status", "success", "--warm")]  # fmt: skip
    for given in filters:
        _, found, beside, _ = listed("--all", *given, **environment)
        code, _, alone, err = listed("--by-function", *given, **environment)
        assert (code, err, alone) == (0, "", beside)
        by_function = {row["function"]: [] for row in alone}
        for row in found:
            by_function["all" if row["function"] == "checkout" else row["function"]].append(row)
        for totals in alone:
            own = by_function[totals["function"]]
            failed = [row["status"] for row in own if row["status"] != "success"]
            assert (totals["invocations"], totals["failed"]) == (len(own), len(failed)), given
            assert (totals["timeouts"], totals["exceptions"]) == (failed.count("timeout"), failed.count("exception")), given
            assert (totals["billedMs"], totals["coldStarts"]) == (sum(row["billedMs"] for row in own), sum(map(cold_start, own))), given
            durations = sorted(row["durationMs"] for row in own)
            assert durations[0] <= totals["durationMs"]["p50"] <= durations[-1] == totals["durationMs"]["max"], given


def cold_start(row):
    """Whether the invocation was a cold start."""
    return bool(row["coldStart"])


def test_what_lies_beyond_the_limit_is_in_the_totals(environment, shop):
    """A list of failures that is cut says how many there are; its totals hold them all."""
    code, found, totals, err = listed("--failed", "--limit", "1", **environment)
    assert (code, len(found), sum(row["invocations"] for row in totals)) == (0, 1, 4)
    assert err == "tracejoin: showing 1 of 4; --all shows everything\n"


def test_totals_by_status_are_refused_where_a_search_can_not_name_them(environment, shop, store, monkeypatch):
    """With more failures that lines alone tell of than one search names, one line says what to do; without a status nothing is named."""
    monkeypatch.setattr("pipeline.search.function_totals._MOST_SHOWN", 1)
    with pytest.raises(BadInputError, match=r"more than 1 invocations of this period failed .* a shorter period, or a function"):
        function_totals(InvocationQuery(statuses=("success",)), store)
    assert [each.failed for each in function_totals(InvocationQuery(), store)] == [3, 1, 0]


def test_a_log_group_of_two_regions_counts_each_failure_once(environment, store):
    """The same account and log group in two regions: what lines tell of one is not told of the other."""
    at = {"logGroup": "/aws/lambda/a", "accountId": "1"}
    put(store, line("1", eventName="REPORT", requestId="r1", durationMs=1.5, serviceName="a", aws=at | {"region": "eu-west-1"}),
        line("2", requestId="r1", signals=["exception"], aws=at | {"region": "eu-west-1"}),
        line("3", eventName="REPORT", requestId="r2", durationMs=1.5, serviceName="a", aws=at | {"region": "us-east-1"}))  # fmt: skip
    totals = listed("--by-function", "--since", "2026-11-24", "--until", "2026-11-25", **environment)[2]
    assert {row["region"]: row["failed"] for row in totals} == {"eu-west-1": 1, "us-east-1": 0}


def test_a_list_in_another_order_shows_the_day_in_each_row(environment, shop):
    """At 80 columns a row heads the invocations of a day only where they come in the order of time."""
    day = re.compile(r"\d{4}-\d\d-\d\d\s+[A-Z+0-9-]+\s*")
    narrow = environment | {"COLUMNS": "80"}
    assert any(map(day.fullmatch, tracejoin("invocations", **narrow)[1].splitlines()))
    lines = tracejoin("invocations", "--sort", "duration", **narrow)[1].splitlines()
    assert not any(map(day.fullmatch, lines))
    assert re.match(r"\d\d-\d\d \d\d:\d\d", lines[1])


@pytest.mark.parametrize("width", [80, 160])
def test_tables_fit_the_terminal(environment, shop, width):
    """At 80 columns and wide, no line is broken or too long, and each invocation is one."""
    code, out, err = tracejoin("invocations", **environment | {"COLUMNS": str(width)})
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= width
    assert "3,000" in out
    assert "all 3 functions" in out
    assert sum("timeout" in line for line in lines) == 2
    assert ("globex" in out, "1-5759e988-bd862e3fe1be46a994272793" in out) == (width == 160, width == 160)


def test_names_of_strangers_steer_no_terminal(environment, store):
    """The name of a log group and a tenant id stay text; in JSON they stay the same data."""
    put(store, line("1", eventName="REPORT", requestId="r", durationMs=1.5, tenantId=HOSTILE, serviceName="x",
                    aws={"logGroup": f"/aws/lambda/{HOSTILE}", "accountId": "1"}))  # fmt: skip
    period = ("--since", "2026-11-24", "--until", "2026-11-25")
    _, out, _ = tracejoin("invocations", *period, **environment)
    assert "[bold]" in out
    assert not {"\x1b", "\u202e"} & set(out)
    _, (row,), (totals,), _ = listed(*period, **environment)
    assert (row["function"], row["tenantId"], totals["function"]) == (HOSTILE, HOSTILE, HOSTILE)


def test_nothing_is_said_in_one_line(environment, shop):
    """An empty period, a status that nothing has, a period that is none, and before `setup`."""
    code, found, totals, err = listed("--until", "2020-01-01", **environment)
    assert (code, found, totals, len(err.splitlines())) == (1, [], [], 1)
    code, found, totals, err = listed("--status", "error", **environment)
    assert (code, found, totals, err) == (1, [], [], "tracejoin: none of 9 invocations ended so\n")
    assert listed("--status", "error", "--by-function", **environment) == (code, found, totals, err)
    assert listed("--since", "1h", "--until", "2h", **environment)[0] == 2
    assert tracejoin("invocations", "--sort", "name", **environment)[0] == 2
    assert listed(**environment | {"TRACEJOIN_PREFIX": "nowhere"})[:3] == (2, [], [])


def test_a_long_list_is_read_by_pages(store):
    """Rows come page by page; the search of one page holds no more than a thousand, and none is read that nobody asks for."""
    put(store, *(line(f"{number:05}", eventName="REPORT", requestId=request(number), durationMs=number % 7, serviceName="a",
                      aws={"logGroup": "/aws/lambda/a", "accountId": "1"}) for number in range(2500)))  # fmt: skip
    watched = Watched(store)
    found = list_invocations(InvocationQuery(sort="duration"), watched)
    first = [next(found) for _ in range(10)]
    read = watched.searches
    rest = list(found)
    assert len({row.request_id for row in [*first, *rest]}) == 2500
    assert [row.duration_ms for row in [*first, *rest]] == sorted((row.duration_ms for row in [*first, *rest]), reverse=True)
    assert read < watched.searches
    assert len(list(list_invocations(InvocationQuery(), store, limit=3))) == 3


@pytest.mark.parametrize("options", [["--sort", "memory"], ["--reverse"], ["--limit", "1"]])
def test_totals_alone_have_an_order_of_their_own(environment, options):
    """What would have been ignored is refused."""
    code, output, errors = tracejoin("invocations", "--by-function", *options, **environment)
    assert (code, output, f"leave {options[0]} out" in errors) == (2, "", True)


def test_a_mistyped_function_is_told(environment, shop):
    """By its name or its log group; one that is there is not called unknown."""
    for name, meant in (("ordres", "orders"), ("/aws/lambda/pya", "/aws/lambda/pay")):
        code, _, errors = tracejoin("invocations", "--function", name, **environment)
        assert (code, f"nothing is stored of a function '{name}': did you mean {meant}" in errors) == (1, True), errors
    code, _, errors = tracejoin("invocations", "--function", "/aws/lambda/pay", "--min-duration", "1h", **environment)
    assert (code, "nothing is stored" in errors) == (1, False)
    assert tracejoin("invocations", "--function", "", **environment)[0] == 2
    assert tracejoin("invocations", "--all", "--limit", "5", **environment)[0] == 2


def test_a_search_finds_the_lines_of_a_tenant(environment, shop):
    """As an option, as a term under both names, and excluded; on lines and on platform events."""
    for question in (("--tenant", "acme"), ("tenant:acme",), ("tenantId:acme",)):
        code, out, _ = tracejoin("search", *question, "--json", **environment)
        assert code == 0
        assert sorted(row.get("eventName", row["body"]) for row in rows(out)) == [
            "mine", "paid", "platform.report", "platform.runtimeDone", "platform.start"]  # fmt: skip
        assert {row["tenantId"] for row in rows(out)} == {"acme"}
    assert len(rows(tracejoin("search", "tenant:acme", "tenant:globex", "--json", **environment)[1])) == 6
    assert tracejoin("search", "--json", "--", "tenant:acme", "-tenant:acme", **environment)[0] == 1


@pytest.fixture
def stored(shop):
    """Where the agents' tools ask."""
    return Stored(store=shop, rules={}, delays=(), api_gateway=())


def test_an_agent_asks_for_invocations(stored):
    """The tool lists them with the functions' totals beside; wrong arguments are named."""
    tool = tool_named("invocations")
    answer = tool.call(stored, {"status": "failed", "sort": "duration"})
    assert numbers(answer.rows) == [4, 3, 12, 2]
    told = json.loads(answer_text(answer, lambda text: text))
    assert [(row["function"], row["invocations"]) for row in told["functions"]] == [("orders", 3), ("pay", 1)]
    assert tool.call(stored, {"status": "failed", "limit": 1}).total == 4
    assert numbers(tool.call(stored, {"function": "pay", "cold": "no", "tenant": "acme"}).rows) == [11]
    assert tool.call(stored, {"limit": 1}).total == 9
    for wrong in ({"status": "bad"}, {"sort": "name"}, {"cold": "maybe"}):
        with pytest.raises(BadInputError, match=f"{next(iter(wrong))} is one of"):
            tool.call(stored, wrong)


def test_the_period_of_a_day_without_a_bound(environment, shop, store, settings):
    """Without --since it is the last 24 hours."""
    indexed(lambda_event([reported(41, 5)], group="/aws/lambda/old", stream=STREAM, first=500, at=NOW - 2 * 86_400_000), store, settings)
    assert 41 not in numbers(listed(**environment)[1])
    assert 41 in numbers(listed("--since", "3d", **environment)[1])
