"""Each rule where it must fire and next to it where it must not; what a finding says; the file in which a user sets the rules."""

import json
import re
from pathlib import Path

import pytest

from pipeline.detect.engine import RULES
from pipeline.detect.evaluate import evaluate
from pipeline.detect.rule import default_rules
from pipeline.detect.rule_file import read_rules
from pipeline.errors import MisconfiguredError
from pipeline.model.facts import LookupFact
from pipeline.model.trace_state import TraceState, merge
from pipeline.offline.classify_traces import facts_of_lines
from pipeline.offline.explain_lines import read
from pipeline.settings import Settings
from pipeline.traces.segment import facts_of_segments
from pipeline.traces.xray_segments import read_document
from tests.events import NOW, OTHER_REQUEST, REQUEST, TRACE, call, document, edge, end, function, powertools, report, service, start

DOCS = Path(__file__).parents[2] / "docs"
GIVE_UP = 600_000
HEADER = f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent=0123456789abcdef;Sampled=1"
GATEWAY = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
CAUSE = {"cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "no stock"}]}}
TRACEBACK = "[ERROR] ValueError: no stock\nTraceback (most recent call last):\n  File ..."


def verdict_of(*segments, lines=(), access_log=(), asked=NOW + 60_000, outcome="found", rules=None, at=NOW):
    """The verdict on these segments, raw log lines of one invocation, and lines of API Gateway's log, read as `classify` reads them."""
    documents = [document([start(), *lines, end()], at=at)] if lines else []
    documents += [document(list(access_log), group="/aws/apigateway/orders", at=at)] if access_log else []
    facts = facts_of_lines(line for _, line in read(json.dumps(documents).encode(), max_bytes=10**6)) if documents else {}
    found = facts_of_segments(segment for one in segments for segment in read_document(one))
    looked = TraceState(lookups={str(asked): LookupFact(at=asked, outcome=outcome)})
    state = merge(facts.get(TRACE, TraceState()), found.get(TRACE, TraceState()), looked)
    return evaluate(state, rules=rules or default_rules(), give_up_after_ms=GIVE_UP)


def fired(verdict):
    """Which rules, with which severity."""
    return {(finding.rule, finding.severity) for finding in verdict.findings}


def behind_edge(status=200, *, inside=(), **function_more):
    """API Gateway, the Lambda service and its function, with subsegments inside."""
    flags = {"fault": True} if status >= 500 else {}
    return edge(status, **flags), service(parent_id="b" * 16), function(subsegments=list(inside), **function_more)


def attempts(*failed):
    """An asynchronous invocation with one attempt after the other, a minute apart."""
    marks = [(f"{number:016x}", NOW / 1000 + 60 * number, bad) for number, bad in enumerate(failed, 1)]
    tries = [{"id": id_, "name": f"Attempt #{number}", "start_time": at, "end_time": at + 1, "http": {"response": {"status": 200}}}
             for number, (id_, at, _) in enumerate(marks, 1)]  # fmt: skip
    functions = [
        function("f" + id_[1:], id_, start_time=at, end_time=at + 1, **({"error": True} | CAUSE if bad else {})) for id_, at, bad in marks
    ]
    return service(http={"response": {"status": 202}}, end_time=NOW / 1000 + 300, subsegments=tries), *functions


def test_every_rule_has_its_defaults():
    """No rule without data, no data without a rule."""
    assert set(default_rules()) == set(RULES)


def test_every_rule_has_its_page():
    """The page of each family names its rules, with an example and how to silence it; the index names them all, and its rule file is a good one."""
    index = (DOCS / "findings.md").read_text()
    families = dict(re.findall(r"^\| \[\w+\]\((findings/\w+\.md)\) \| (.*) \|$", index, re.MULTILINE))
    assert {f"findings/{look.__module__.rpartition('.')[2]}.md" for look in RULES.values()} == set(families)
    for name, look in RULES.items():
        page = f"findings/{look.__module__.rpartition('.')[2]}.md"
        text = (DOCS / page).read_text()
        assert f"`{name}`" in families[page]
        assert all(part in text for part in (f"| `{name}` |", "## Example", "## Silence it"))
    (example,) = re.findall(r"```yaml\n(.*?)```", index, re.DOTALL)
    assert read_rules(example)["throttled-downstream"].enabled is False


def test_async_attempt_failed():
    """All attempts of an accepted event failed; not so where a later one went well, and not before Lambda has tried its times."""
    verdict = verdict_of(*attempts(True, True, True), asked=NOW + 400_000)
    assert {("async-attempt-failed", "alert"), ("service-ok-function-failed", "alert")} <= fired(verdict)
    assert "last of 3 attempts" in next(finding.evidence for finding in verdict.findings if finding.rule.startswith("async"))
    assert fired(verdict_of(*attempts(True, True, False), asked=NOW + 400_000)) == set()
    early = verdict_of(*attempts(True), asked=NOW + 400_000)
    assert (early.state, early.missing) == ("partial", ("another attempt of orders is missing: 1 failed so far",))
    assert verdict_of(*attempts(True), asked=NOW + 2_000_000).state == "incomplete"


def test_what_api_gateway_says_of_the_function():
    """A 502 whose Lambda answered 200 with a function error: a notice for who saw the 502, an alert where a mapping turned it into a 200."""
    lines = [f"({GATEWAY}) Endpoint request headers: {{X-Amzn-Trace-Id={HEADER}}}",
             f"({GATEWAY}) Lambda execution failed with status 200 due to customer function error: no stock. Lambda request id: {REQUEST}"]  # fmt: skip
    for status, severity in ((502, "notice"), (200, "alert")):
        answered = [*lines, f"({GATEWAY}) Method completed with status: {status}"]
        verdict = verdict_of(edge(status, aws={"api_gateway": {"request_id": GATEWAY}}, **({"fault": True} if status == 502 else {})),
                             service(parent_id="b" * 16), function(), lines=answered)  # fmt: skip
        assert ("service-ok-function-failed", severity) in fired(verdict)
        assert (verdict.edge_status, verdict.client_saw) == (status, "error" if status == 502 else "success")


def test_edge_error_trace_ok():
    """API Gateway's access log says 502 where every segment of the trace is well; not where one of them shows it."""
    access = json.dumps(
        {"requestId": GATEWAY, "xrayTraceId": HEADER, "routeKey": "GET /", "status": "502", "integrationRequestId": REQUEST}
    )
    verdict = verdict_of(service(), function(), access_log=[access])
    assert fired(verdict) == {("edge-error-trace-ok", "alert")}
    assert (verdict.edge_status, verdict.client_saw) == (502, "error")
    assert fired(verdict_of(service(error=True), function(error=True), access_log=[access])) == {("service-ok-function-failed", "notice")}
    assert fired(verdict_of(service(), function(), access_log=[access.replace('"502"', '"200"')])) == set()
    assert fired(verdict_of(service(), access_log=[access])) == set(), "the function's segment may show it still"


@pytest.mark.parametrize(
    "line", [powertools("no stock", level="ERROR"), TRACEBACK, powertools("x", level="CRITICAL", exception_name="ValueError")]
)
def test_edge_ok_error_log(line):
    """The caller was told 200, and a line says error; not where the caller was told 500."""
    assert fired(verdict_of(*behind_edge(200), lines=[powertools("a"), line])) == {("edge-ok-error-log", "alert")}
    assert fired(verdict_of(*behind_edge(500), lines=[powertools("a"), line])) == set()


@pytest.mark.parametrize("line", [powertools("no stock", level="WARNING", exception_name="ValueError", exception="Traceback…"), powertools("0 errors"),
                                  powertools("ConditionalCheckFailedException: the order exists", level="ERROR"), "an exception to the rule"])  # fmt: skip
def test_what_is_no_error_log(line):
    """An exception that was handled, and says so by its level; an error that programs expect; a word."""
    assert fired(verdict_of(*behind_edge(200), lines=[powertools("a"), line])) == set()


def test_an_error_beside_a_repeated_call_is_made_good():
    """A line written between a call that failed and the same call's success tells of what was tried again; one written later does not."""
    first = call("mail", "c" * 16, fault=True, http={"response": {"status": 503}}, end_time=NOW / 1000 + 0.03)
    again = call("mail", "d" * 16, start_time=NOW / 1000 + 0.04, end_time=NOW / 1000 + 0.05, http={"response": {"status": 200}})
    failed = [powertools("mail failed", level="ERROR")]
    assert fired(verdict_of(*behind_edge(inside=[first, again]), lines=failed, at=NOW + 30)) == set()
    assert fired(verdict_of(*behind_edge(inside=[first, again]), lines=failed, at=NOW + 80)) == {("edge-ok-error-log", "alert")}


@pytest.mark.parametrize("payload", [
    'response: {"statusCode": 502, "body": "{}"}',
    "returning {'statusCode': 500, 'body': 'Internal Server Error'}",
    json.dumps({"message": "sent", "response": {"statusCode": 500, "headers": {}}}),
    powertools("answer", payload=json.dumps({"errorMessage": "no stock", "errorType": "ValueError"})),
    'answered {"errorMessage":"no stock","errorType":"ValueError","stackTrace":[]}',
    powertools(json.dumps({"data": None, "errors": [{"message": "no stock", "path": ["order"]}]})),
])  # fmt: skip
def test_error_payload_behind_200(payload):
    """A logged response that is an error, in the forms in which responses are logged, while the caller saw a success."""
    assert ("error-payload-behind-200", "alert") in fired(verdict_of(*behind_edge(200), lines=[powertools("a"), payload]))
    assert fired(verdict_of(*behind_edge(500), lines=[powertools("a"), payload])) == set()


@pytest.mark.parametrize("payload", [
    'response: {"statusCode": 200, "body": "{}"}', '{"errors": []}', "status code 500 items", powertools("a", errors=[], data={}),
    'request: {"orderNumber": 500, "body": ""}', 'response {"statusCode": 5001}', "HTTPStatusCode: 503 in the response",
])  # fmt: skip
def test_what_is_no_error_payload(payload):
    """A success, an empty list of errors, a number that is no status."""
    assert fired(verdict_of(*behind_edge(200), lines=[powertools("a"), payload])) == set()


@pytest.mark.parametrize(("bad", "good"), [
    ('returned {"batchItemFailures": [{"itemIdentifier": "1"}]}', 'returned {"batchItemFailures": []}'),
    ('{"FailedEntryCount": 2, "Entries": []}', '{"FailedEntryCount": 0, "Entries": []}'),
    ("{'FailedRecordCount': 1}", "{'FailedRecordCount': 0}"),
    (powertools("written", answer={"UnprocessedItems": {"orders": [{}]}}), powertools("written", answer={"UnprocessedItems": {}})),
    ('{"Successful": [], "Failed": [{"Id": "1", "SenderFault": true}]}', '{"Successful": [{"Id": "1"}], "Failed": []}'),
    ('{"took": 3, "errors": true, "items": []}', '{"took": 3, "errors": false, "items": []}'),
])  # fmt: skip
def test_batch_partial_failure(bad, good):
    """A batch that went well as a whole says which of its items failed."""
    assert fired(verdict_of(*behind_edge(200), lines=[powertools("a"), bad])) == {("batch-partial-failure", "alert")}
    assert fired(verdict_of(*behind_edge(200), lines=[powertools("a"), good])) == set()


def test_batch_partial_failure_that_the_sdk_counted():
    """The X-Ray SDK notes how many messages SQS refused; sent again with success, none of them is lost."""
    aws = {"operation": "SendMessageBatch", "queue_url": "https://sqs/q", "failed_count": 3}
    first = call("sqs", "c" * 16, namespace="aws", aws=aws, http={"response": {"status": 200}})
    again = call("sqs", "d" * 16, namespace="aws", aws=aws | {"failed_count": 0}, http={"response": {"status": 200}},
                 start_time=NOW / 1000 + 0.04, end_time=NOW / 1000 + 0.05)  # fmt: skip
    verdict = verdict_of(*behind_edge(inside=[first]))
    assert fired(verdict) == {("batch-partial-failure", "alert")}
    assert "3 of its items failed" in verdict.findings[0].evidence
    assert fired(verdict_of(*behind_edge(inside=[first, again]))) == set()


def test_state_machine_failed():
    """A synchronous execution answers 200 with FAILED: by its segment, by Step Functions' log, by what the starter logs."""
    machine = {"id": "9" * 16, "name": "checkout", "trace_id": f"1-{TRACE[:8]}-{TRACE[8:]}", "parent_id": "c" * 16, "origin": "AWS::StepFunctions::StateMachine",
               "start_time": NOW / 1000, "end_time": NOW / 1000 + 1}  # fmt: skip
    starts = call("states", "c" * 16, namespace="aws", aws={"operation": "StartSyncExecution"}, http={"response": {"status": 200}})
    assert ("state-machine-failed", "alert") in fired(verdict_of(*behind_edge(inside=[starts]), machine | {"fault": True}))
    assert fired(verdict_of(*behind_edge(inside=[starts]), machine | {"cause": {}})) == set()
    arn = "arn:aws:states:eu-west-1:123456789012:express:checkout:1:2"
    for line in (json.dumps({"id": "5", "type": "ExecutionFailed", "details": {"error": "x"}, "execution_arn": arn, "trace_id": TRACE}),
                 powertools("done", answer={"executionArn": arn, "status": "TIMED_OUT"})):  # fmt: skip
        assert fired(verdict_of(*behind_edge(), lines=[powertools("a"), line])) == {("state-machine-failed", "alert")}
    fine = powertools("done", answer={"executionArn": arn, "status": "SUCCEEDED"})
    assert fired(verdict_of(*behind_edge(), lines=[powertools("a"), fine])) == set()


@pytest.mark.parametrize(("line", "rule"), [
    (f"2026-11-24T10:00:03.000Z {REQUEST} Task timed out after 3.00 seconds", "timeout"),
    (f"RequestId: {REQUEST} Error: Runtime exited with error: signal: killed Runtime.ExitError", "out-of-memory"),
    (report(status="error\tError Type: Runtime.OutOfMemory"), "out-of-memory"),
    (f"RequestId: {REQUEST} Error: Runtime exited with error: exit status 1 Runtime.ExitError", "crash"),
])  # fmt: skip
def test_what_the_platform_ends(line, rule):
    """Out of time, out of memory, a process that died: the nearest reason is named, and the caller who saw it gets a notice."""
    rules = {name for name, _ in fired(verdict_of(*behind_edge(200), lines=[powertools("a"), line]))}
    assert rules - {"edge-ok-error-log"} == {rule}
    assert {severity for name, severity in fired(verdict_of(*behind_edge(502), lines=[powertools("a"), line])) if name == rule} == {
        "notice"
    }
    assert fired(verdict_of(*behind_edge(200), lines=[powertools("a"), report(status="success")])) == set()


def test_throttled_downstream():
    """A 429 that nobody repeats is told by its own rule alone, whatever flags the SDK sets; one that is repeated with success is not."""
    first = call("dynamodb", "c" * 16, throttle=True, error=True, fault=True, http={"response": {"status": 400}})
    again = call("dynamodb", "d" * 16, start_time=NOW / 1000 + 0.04, end_time=NOW / 1000 + 0.05, http={"response": {"status": 200}})
    assert fired(verdict_of(*behind_edge(inside=[first]))) == {("throttled-downstream", "alert")}
    assert fired(verdict_of(*behind_edge(inside=[call("api", "c" * 16, http={"response": {"status": 429}})]))) == {
        ("throttled-downstream", "alert")
    }
    assert fired(verdict_of(*behind_edge(inside=[first, again]))) == set()
    assert fired(verdict_of(*behind_edge(429, inside=[first]))) == set()


def test_unsampled_error():
    """An error on a trace that was not sampled, or that X-Ray does not have; a quiet one is silent."""
    failing, quiet = [powertools("no stock", level="ERROR"), report(sampled=False)], [powertools("fine"), report(sampled=False)]
    verdict = verdict_of(lines=failing, outcome="absent")
    assert (verdict.state, fired(verdict)) == ("unsampled", {("unsampled-error", "alert")})
    assert verdict.findings[0].unknown == (verdict.state_reason, "what the caller was told")
    assert fired(verdict_of(lines=quiet, outcome="absent")) == set()
    assert fired(verdict_of(lines=failing[:1], outcome="absent", asked=NOW + GIVE_UP + 60_000)) == {("unsampled-error", "alert")}
    assert fired(verdict_of(lines=failing[:1], outcome="absent")) == set(), "it may come still"


def test_a_repetition_of_a_whole_call_makes_good_what_failed_inside():
    """A service is called, fails deep inside, is called again and answers: nothing below the first call is a finding."""

    def called(letter, at, status):
        api = call("api", letter * 16, http={"request": {"method": "GET", "url": "https://x/b"}, "response": {"status": status}},
                   start_time=NOW / 1000 + at, end_time=NOW / 1000 + at + 0.01, fault=status >= 500)  # fmt: skip
        inner = edge(status, letter * 15 + "1", parent_id=letter * 16, fault=status >= 500, subsegments=[
            call("db", letter * 15 + "2", fault=status >= 500, http={"response": {"status": status}})])  # fmt: skip
        return api, inner

    (bad, bad_inner), (good, good_inner) = called("c", 0.02, 500), called("d", 0.05, 200)
    assert fired(verdict_of(*behind_edge(inside=[bad]), bad_inner)) == {("edge-ok-downstream-fault", "alert")}
    assert fired(verdict_of(*behind_edge(inside=[bad, good]), bad_inner, good_inner)) == set()


def test_calls_of_two_functions_are_no_repetition():
    """One function fails, another is invoked with success: the X-Ray SDK names both calls alike, but for the function."""
    bad, good = (call("lambda", letter * 16, namespace="aws", http={"response": {"status": 200}}, start_time=NOW / 1000 + at, end_time=NOW / 1000 + at + 0.01,
                      aws={"operation": "Invoke", "function_name": name} | more)
                 for letter, name, at, more in (("c", "stock", 0.02, {"function_error": "Unhandled"}), ("d", "mail", 0.04, {})))  # fmt: skip
    assert fired(verdict_of(*behind_edge(inside=[bad, good]))) == {("invoke-ok-function-error", "alert")}
    good["aws"]["function_name"] = "stock"
    assert fired(verdict_of(*behind_edge(inside=[bad, good]))) == set()


def test_a_finding_convinces():
    """What was told and by whom, where it failed and how deep, the exception, the lines that show it, and what was not known."""
    bad = function("7" * 16, "6" * 16, error=True, **CAUSE)
    callee = service("6" * 16, parent_id="c" * 16, name="stock", aws={"request_id": OTHER_REQUEST})
    invoke = call("stock", "c" * 16, namespace="aws", aws={"operation": "Invoke"}, traced=True)
    lines = [powertools("a", level="ERROR"), powertools("no stock left", request=OTHER_REQUEST, level="ERROR", service="stock")]
    verdict = verdict_of(*behind_edge(201, inside=[invoke]), callee, bad | {"name": "stock"}, lines=lines)
    found = next(finding for finding in verdict.findings if finding.rule == "service-ok-function-failed")
    assert (found.path, found.depth, found.client_saw) == (("api/prod", "Lambda", "orders", "stock"), 5, "success")
    assert (found.exception_type, found.exception_message) == ("ValueError", "no stock")
    assert [line.text for line in found.lines] == ["no stock left"]
    assert found.unknown == ()
    late = verdict_of(*behind_edge(201, inside=[invoke, call("x", "e" * 16, traced=True)]), callee, bad, lines=lines)
    assert {finding.unknown for finding in late.findings} == {("the answer to the call x is missing",)}


def test_the_exception_is_read_from_a_line_where_no_segment_has_it():
    """A type and a message, out of the forms in which runtimes print them."""
    node = f"2026-11-24T10:00:00.000Z\t{REQUEST}\tERROR\tInvoke Error \t" + json.dumps(
        {"errorType": "TypeError", "errorMessage": "x is undefined"}
    )
    for line, expected in ((TRACEBACK, ("ValueError", "no stock")), (node, ("TypeError", "x is undefined")),
                           (powertools("oh", level="ERROR", exception="Traceback (most recent call last):\n  File\nKeyError: 'id'"), ("KeyError", "'id'"))):  # fmt: skip
        (found,) = verdict_of(*behind_edge(200), lines=[powertools("a"), line]).findings
        assert (found.exception_type, found.exception_message) == expected


def test_a_rule_is_narrowed_by_service():
    """Only the services that are named, or all but those that are named with an exclamation mark."""
    lines = [powertools("no stock", level="ERROR")]
    for services, expected in (("orders", 1), ("ord*", 1), ("'!orders'", 0), ("cart", 0), ("['*', '!ord*']", 0)):
        rules = read_rules(f"edge-ok-error-log: {{services: {services}}}")
        assert len(verdict_of(*behind_edge(200), lines=lines, rules=rules).findings) == expected, services


def test_expected_errors_are_added_to_the_defaults_or_taken_away():
    """What a user expects stays silent; what he does not expect any more does not."""
    denied = call("dynamodb", "c" * 16, namespace="aws", fault=True, http={"response": {"status": 400}},
                  cause={"exceptions": [{"id": "1", "type": "NoSuchKey", "message": ""}]})  # fmt: skip
    assert fired(verdict_of(*behind_edge(inside=[denied]))) == set()
    rules = read_rules("edge-ok-downstream-fault:\n  expected: ['!NoSuchKey']")
    assert fired(verdict_of(*behind_edge(inside=[denied]), rules=rules)) == {("edge-ok-downstream-fault", "alert")}
    rules = read_rules("service-ok-function-failed: {expected: [ValueError]}")
    assert fired(verdict_of(service(), function(error=True, **CAUSE), rules=rules)) == set()


def test_every_mistake_in_a_rule_file_has_its_line():
    """All of them at once, each with file, line and remedy; a rule that is not named keeps its defaults."""
    text = "timeout:\n  severity: loud\n  enabled: maybe\ncrsh: {enabled: false}\nedge-ok-error-log:\n  expected: [404, null]\ntimeout: {}\ncrash: off\n"
    with pytest.raises(MisconfiguredError) as caught:
        read_rules(text, name="rules.yaml")
    told = caught.value.problems
    assert [problem.partition(": ")[0] for problem in told] == [f"rules.yaml:{line}" for line in (2, 3, 4, 6, 7, 8)]
    assert "did you mean crash" in told[2]
    assert "again, after line 1" in told[4]
    assert read_rules('{"timeout": {"enabled": false}}') == {**default_rules(), "timeout": read_rules("timeout: {enabled: no}")["timeout"]}
    assert read_rules("# nothing\n") == default_rules()


def test_the_rule_file_is_checked_at_start(tmp_path):
    """Its mistakes stand beside those of the environment; a file that is not there is one."""
    path = tmp_path / "rules.yaml"
    path.write_text("timeout: {severity: loud}\n")
    with pytest.raises(MisconfiguredError) as caught:
        Settings.from_environment({"TRACEJOIN_RULES": str(path), "TRACEJOIN_WORKERS": "none"})
    assert len(caught.value.problems) == 2
    assert caught.value.problems[0].startswith("rules.yaml:1: severity")
    with pytest.raises(MisconfiguredError, match="can't be read"):
        Settings.from_environment({"TRACEJOIN_RULES": str(tmp_path / "none.yaml")})
