"""What users of logcli, stern, grep, the AWS CLI and sqlite-utils expect of `search`: context, exclusion, statuses, durations, forms, zones."""

import json
from datetime import timedelta

import pytest

from pipeline.configure import store_for
from pipeline.search.context_lines import with_context
from pipeline.search.query import SearchQuery
from pipeline.search.search import find
from pipeline.settings import Settings
from tests.support.command import rows, tracejoin
from tests.support.documents import BEGAN, ids, line, put, span
from tests.support.events import TRACE
from tests.support.stores import both_kinds, installed

STREAM = {"aws": {"accountId": "1" * 12, "logGroup": "/aws/lambda/orders", "logStream": "a"}}
OTHER = {"aws": {**STREAM["aws"], "logStream": "b"}}
SPAN = {"name": "GET /orders", "serviceName": "orders", "httpStatus": 502, "durationInNanos": 900_000_000}


@pytest.fixture(scope="module")
def shelf(embedded_endpoint):
    """Thirty lines of one stream, some of which share a millisecond, one of another stream in between, spans, and a report."""
    settings = Settings(endpoint=embedded_endpoint, prefix="habits", region="eu-west-1")
    lines = [
        line(f"a-{number:02d}", BEGAN + timedelta(milliseconds=number // 3), body=_said(number), serviceName="orders", **STREAM)
        for number in range(30)
    ]
    with installed(settings) as store:
        put(
            store,
            *lines,
            line("b-00", BEGAN + timedelta(milliseconds=1), body="needle elsewhere", serviceName="carts", **OTHER),
            line("report", BEGAN, body="REPORT", durationMs=1500.0, eventName="REPORT", serviceName="orders"),
            line("told", BEGAN, body="answered", serviceName="orders", trace={"state": "complete", "version": 1, "edgeStatus": 503}),
            line("odd", BEGAN, body="one\ttwo\nthree\\ \x1b[31mfour", serviceName="odd"),
            span("s-1", BEGAN, traceId=TRACE, **SPAN),
            span("s-2", BEGAN, traceId=TRACE, **SPAN | {"httpStatus": 404, "durationInNanos": 2_000_000, "name": "GET /carts"}),
        )
        put(store, fault("1", 1, 900, 200), fault("2", 0, 40, 502))
        yield {"TRACEJOIN_ENDPOINT": embedded_endpoint, "TRACEJOIN_PREFIX": "habits", "TZ": "Europe/Berlin"}


def fault(digit, minutes, milliseconds, status):
    """The bulk lines of the record of a trace with a hidden fault."""
    at = BEGAN + timedelta(minutes=minutes)
    action, source = line(digit * 32, at, doc={"kind": "trace"}, traceId=digit * 32, xray={"traceId": f"1-{digit * 8}-{digit * 24}"}, findings=[],
                          durationInNanos=milliseconds * 1_000_000, trace={"state": "complete", "hiddenFault": True, "edgeStatus": status})  # fmt: skip
    action["create"]["_index"] = "@-traces"
    return [action, source]


def _said(number):
    return f"needle {number}" if number in {4, 8, 20} else f"line {number}"


def shown(output):
    """The lines of the table in groups: the number of each, a hit's behind a >."""
    groups = output.split("\n--\n")
    return [["".join(part for part in (">" if "> " in row else "", row.split("line ")[-1].split("needle ")[-1].split()[0])) for row in group.splitlines()
             if "line " in row or "needle " in row] for group in groups]  # fmt: skip


def found(*arguments, **environment):
    """The ids that a search finds."""
    status, output, errors = tracejoin("search", "--json", "--all", *arguments, **environment)
    assert status == 0, errors
    return {row["_id"] for row in rows(output)}


@pytest.mark.parametrize(
    ("options", "groups"),
    [(["-C", "1"], [["3", ">4", "5"], ["7", ">8", "9"], ["19", ">20", "21"]]), (["-A", "2"], [[">4", "5", "6"], [">8", "9", "10"], [">20", "21", "22"]]),
     (["-B", "3"], [["1", "2", "3", ">4", "5", "6", "7", ">8"], ["17", "18", "19", ">20"]]), (["-C", "2"], [["2", "3", ">4", "5", "6", "7", ">8", "9", "10"], ["18", "19", ">20", "21", "22"]]),
     (["-C", "2", "-A", "0"], [["2", "3", ">4"], ["6", "7", ">8"], ["18", "19", ">20"]])],
)  # fmt: skip
def test_context_is_of_the_same_stream_in_its_order(shelf, options, groups):
    """Lines before and after a hit by their order in the stream, also within a millisecond; what overlaps or touches is one group, else `--`."""
    status, output, _ = tracejoin(
        "search", "--text", "needle", "--log-group", "/aws/lambda/orders", "--service", "orders", *options, **shelf
    )
    assert (status, shown(output)) == (0, groups)


def test_context_says_so_in_json_and_csv(shelf):
    """Each line says whether it is context; a hit of another stream is a group of its own; nothing stands between groups."""
    status, output, _ = tracejoin("search", "--text", "needle", "-C1", "--nl", **shelf)
    assert status == 0
    assert [(row["_id"], row["context"]) for row in rows(output)] == [
        ("a-03", True), ("a-04", False), ("a-05", True), ("b-00", False), ("a-07", True), ("a-08", False), ("a-09", True), ("a-19", True), ("a-20", False),
        ("a-21", True)]  # fmt: skip
    _, output, _ = tracejoin("search", "--text", "needle", "--service", "carts", "-C1", "--csv", "--columns", "_id,context", **shelf)
    assert output.split() == ["_id,context", "b-00,false"]
    _, output, _ = tracejoin("search", "--text", "needle", "--service", "orders", "-A1", "--format", "{body}", **shelf)
    assert output.splitlines() == ["needle 4", "line 5", "--", "needle 8", "line 9", "--", "needle 20", "line 21"]


def test_a_page_of_hits_asks_for_its_context_once(shelf, embedded_endpoint):
    """Three hits, one request more than without context."""
    store = store_for(Settings(endpoint=embedded_endpoint, prefix="habits", region="eu-west-1"))
    asked = []
    hits = list(find(SearchQuery(text="needle"), store).hits)
    request = store.request
    store.request = lambda method, path, *more, **options: (asked.append(path), request(method, path, *more, **options))[1]
    assert len(with_context(hits, store, before=3, after=3)) == 3
    assert [path.rpartition("/")[2] for path in asked] == ["_msearch"]


@both_kinds
def test_each_opensearch_reads_a_stream_alike(store):
    """Order within a millisecond, statuses and durations are the same on a real OpenSearch."""
    put(store, *(line(f"a-{number:02d}", BEGAN + timedelta(milliseconds=number // 3), body=_said(number), **STREAM) for number in range(30)),
        span("s-1", BEGAN, traceId=TRACE, **SPAN))  # fmt: skip
    hits = list(find(SearchQuery(text="needle"), store).hits)
    groups = with_context(hits, store, before=2, after=1)
    assert [[hit["_id"] for hit in group] for group in groups] == [
        ["a-02", "a-03", "a-04", "a-05", "a-06", "a-07", "a-08", "a-09"], ["a-18", "a-19", "a-20", "a-21"]]  # fmt: skip
    assert ids(hit for group in groups for hit in group if not hit["context"]) == ["a-04", "a-08", "a-20"]
    for query in (SearchQuery(status="5xx"), SearchQuery(duration=(">=900ms", "<1s")), SearchQuery(status=(">500", "404"), kind="span")):
        assert ids(find(query, store).hits) == ["s-1"]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [(["--status", "5xx"], {"s-1"}), (["--status", "404"], {"s-2"}), (["--status", ">=400"], {"s-1", "s-2"}), (["--status", "404", "--status", "502"], {"s-1", "s-2"}),
     (["status:5xx"], {"s-1"}), (["--kind", "span", "--", "-status:5xx"], {"s-2"}), (["--edge-status", "5xx"], {"told"}), (["edge:503"], {"told"}),
     (["--min-duration", "500ms"], {"s-1", "report"}), (["--min-duration", "1.5s"], {"report"}), (["--max-duration", "2ms"], {"s-2"}),
     (["duration:>2ms", "duration:<1s"], {"s-1"}), (["--min-duration", "1ms", "--max-duration", "900ms"], {"s-1", "s-2"}), (["duration:>=900ms kind:span"], {"s-1"})],
)  # fmt: skip
def test_statuses_and_durations(shelf, arguments, wanted):
    """Of spans and of Lambda's reports, what the caller was told, by options and by terms of the language."""
    assert found(*arguments, **shelf) == wanted


@pytest.mark.parametrize(("options", "durations"), [([], [900, 40]), (["--edge-status", "200"], [900]), (["--edge-status", "5xx"], [40]), (["--min-duration", "41ms"], [900]),
                                                    (["--max-duration", "40ms", "--edge-status", ">=200"], [40])])  # fmt: skip
def test_faults_by_what_the_caller_was_told_and_how_long_it_took(shelf, options, durations):
    """The status and the duration of the trace; where nothing is left, the options are named."""
    status, output, _ = tracejoin("faults", "--nl", *options, **shelf)
    assert (status, [row["durationInNanos"] // 1_000_000 for row in rows(output)]) == (0, durations)
    status, output, errors = tracejoin("faults", "--min-duration", "1m", **shelf)
    assert (status, output, "--min-duration or --max-duration" in errors) == (1, "", True)


def test_excluded_words_are_no_regular_expression(shelf):
    """Words one after the other are left out; what looks like a regular expression is taken as words, and that is said."""
    everything = found("--service", "orders", "--kind", "log", **shelf)
    left = found("--service", "orders", "--kind", "log", "--exclude", "needle 4", "--exclude", "REPORT", **shelf)
    assert everything - left == {"a-04", "report"}
    status, _, errors = tracejoin("search", "--service", "orders", "--exclude", "needle.*", "--json", **shelf)
    assert (status, errors.splitlines()[0]) == (
        0, "tracejoin: --exclude 'needle.*' is read as words, one after the other, and not as a regular expression")  # fmt: skip
    status, _, errors = tracejoin("search", "--service", "carts", "--exclude", "elsewhere", **shelf)
    assert (status, '--exclude "elsewhere"' in errors) == (1, True)


def test_tsv_is_one_line_a_document(shelf):
    """A tab, a line break and a backslash in a value are escaped, so that `cut -f` finds its column."""
    status, output, _ = tracejoin("search", "--service", "odd", "--tsv", "--columns", "_id,body,doc.kind", **shelf)
    assert (status, output.splitlines()) == (0, ["_id\tbody\tdoc.kind", "odd\tone\\ttwo\\nthree\\\\ ␛[31mfour\tlog"])


def test_times_are_in_the_zone_that_is_said(shelf):
    """Without --utc in the computer's own zone, with it in UTC, also where a time without a zone is read; the zone is in the list."""
    _, local, _ = tracejoin("search", "--service", "carts", COLUMNS="80", **shelf)
    _, utc, _ = tracejoin("search", "--service", "carts", "--utc", COLUMNS="80", **shelf)
    assert [
        (local.splitlines()[1].split() == ["2026-11-24", "CET"], "11:00:00.001" in local),
        (utc.splitlines()[1].split() == ["2026-11-24", "UTC"], "10:00:00.001" in utc),
    ] == [(True, True)] * 2
    _, wide, _ = tracejoin("search", "--service", "carts", "--utc", COLUMNS="160", **shelf)
    assert wide.startswith("time UTC ")
    assert found("--service", "carts", "--until", "2026-11-24T10:30", "--utc", **shelf) == {"b-00"}
    assert tracejoin("search", "--until", "2026-11-24T10:30", "--service", "carts", **shelf)[0] == 1
    assert found("service:carts until:2026-11-24T10:30", "--utc", **shelf) == {"b-00"}


def test_a_line_that_is_not_cut_is_whole(shelf):
    """Without a word the text is cut to the terminal; with --no-wrap it is whole, on one line, at the end of its row."""
    status, output, _ = tracejoin("search", "--service", "odd", "--no-wrap", COLUMNS="60", **shelf)
    assert (status, output.splitlines()[-1].endswith("· one two three\\ ␛[31mfour")) == (0, True)
    cut = tracejoin("search", "--service", "odd", COLUMNS="60", **shelf)[1]
    assert ("four" in cut, max(map(len, cut.splitlines())) <= 60) == (False, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--status", "teapot"], "is no HTTP status"), (["--min-duration", "5"], "is no duration: expected one such as 500ms"), (["--min-duration", "2s", "--max-duration", "1s"], "nothing is between"),
     (["--format", "jsn"], "is neither one of table, json, nl, csv, tsv, raw nor a template"), (["--format", "{servce}"], "did you mean service"), (["--csv", "--tsv"], "contradict"),
     (["--csv", "--columns", "nosuch"], "no line and no span has a field 'nosuch'"), (["--json", "--tsv"], "contradict"), (["--json", "--format", "{body}"], "contradict"),
     (["-C", "101"], "101"), (["-C1", "--follow"], "leave --follow out"), (["--exclude", "..."], "has no word"), (["--columns", "body"], "--format csv"),
     ([""], "it is empty"), (["  "], "it is empty"), (["x", ""], "it is empty"), (["--text", ""], "it is empty"), (["--phrase", " "], "it is empty"), (["--service", ""], "it is empty"),
     (["--trace-id", ""], "it is empty"), (["--tenant", ""], "it is empty"), (["--raw", "--kind", "span"], "a span has no raw line"), (["--raw", "kind:span"], "a span has no raw line"),
     (["--all", "--limit", "5"], "--all and --limit 5"), (['"open'], "quotation mark"), (["--annotation", "foo"], "key=value"), (["--trace-id", "foo"], "is no trace id"),
     (["--since", "1h", "--until", "2h"], "nothing is between"), (["-healthcheck"], "stands behind `--`: tracejoin search -- -healthcheck"), (["-Basic"], "tracejoin search -- -Basic"),
     (["--nosuch"], "No such option '--nosuch'")],
)  # fmt: skip
def test_what_is_wrong_is_said(shelf, arguments, said):
    """Wrong usage ends with 2, nothing on stdout, and a last line that says it."""
    status, output, errors = tracejoin("search", *arguments, **shelf)
    assert (status, output, said in " ".join(errors.split())) == (2, "", True), errors


@pytest.mark.parametrize(
    "term",
    ["status:teapot", "duration:5s", "duration:>fast", "edge:1", "level:foo", "since:foo", "service:", "nosuchkey:x", "since:1h since:2h"],
)
def test_a_term_that_is_wrong_is_said(shelf, term):
    """In the language, too, by the name of its key."""
    status, output, errors = tracejoin("search", term, **shelf)
    assert (status, output, term.partition(":")[0] in errors) == (2, "", True)


def test_lines_of_json_have_both_names(shelf):
    """--nl is --json."""
    assert json.loads(tracejoin("search", "--service", "carts", "--nl", **shelf)[1])["_id"] == "b-00"
    assert (
        tracejoin("search", "--service", "carts", "--format", "nl", **shelf)[1]
        == tracejoin("search", "--service", "carts", "--json", **shelf)[1]
    )


@pytest.mark.parametrize(
    ("arguments", "said", "unsaid"),
    [(["edge:599"], "but edge:599 excludes", "--edge-status"), (["duration:>1h"], "but duration:>1h excludes", "--min-duration"), (["--min-duration", "1h"], "but --min-duration excludes", "duration:"),
     (["--min-duration", "2h", "duration:>1h", "status:100"], "--min-duration and duration:>1h", "--status"), (["group:/none"], "but group:/none excludes", "--log-group")],
)  # fmt: skip
def test_a_filter_has_the_name_that_was_typed(shelf, arguments, said, unsaid):
    """Where nothing is found: a term is named as a term, an option as an option."""
    status, output, errors = tracejoin("search", *arguments, **shelf)
    assert (status, output, said in errors, unsaid in errors) == (1, "", True, False), errors


def test_states_and_kinds_are_read_in_any_case(shelf):
    """By option as by term."""
    assert found("--state", "Complete", **shelf) == found("state:Complete", **shelf) == {"told"}
    assert found("--kind", "Span", **shelf) == found("kind:Span", **shelf) == {"s-1", "s-2"}


def test_spans_alone_have_no_raw_line(shelf):
    """That is said where nothing else is found; beside lines nothing is said."""
    status, output, errors = tracejoin("search", "--raw", "status:404", **shelf)
    assert (status, output, errors) == (0, "", "tracejoin: found are spans alone, and a span has no raw line: --json shows them\n")
    status, output, errors = tracejoin("search", "--raw", "--min-duration", "500ms", **shelf)
    assert (status, output, errors) == (0, "REPORT\n", "")


@pytest.mark.parametrize(
    "options", [["--rule", "timeout"], ["--edge-status", "5xx"], ["--min-duration", "1s"], ["--notices"], ["--limit", "3"]]
)
def test_stale_ids_have_no_trace_to_narrow_by(shelf, options):
    """What would have been ignored is refused."""
    status, output, errors = tracejoin("faults", "--stale-ids", *options, **shelf)
    assert (status, output, options[0] in errors) == (2, "", True)


@pytest.mark.parametrize("command", ["trace", "why", "keep", "export", "issue"])
@pytest.mark.parametrize("id_", ["", "  "])
def test_an_empty_id_is_wrong_usage(shelf, command, id_):
    """As of a variable of the shell that is not set."""
    status, output, errors = tracejoin(command, id_, **shelf)
    assert (status, output, "it is empty" in errors) == (2, "", True), errors
