"""The verdict: completeness, the rules, and what is not a finding."""

import json

import pytest

from pipeline.detect.evaluate import evaluate
from pipeline.detect.rule import default_rules
from pipeline.detect.rule_file import read_rules
from pipeline.detect.segment_tree import SegmentTree
from pipeline.errors import MisconfiguredError
from pipeline.model.facts import LookupFact, RequestFact, SignalFact
from pipeline.model.trace_state import EMPTY, TraceState
from pipeline.traces.xray_segments import read_document
from tests.events import NOW, REQUEST, call, edge, function, service

GIVE_UP = 600_000
CAUSE = {"cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]}}


def state_of(*documents, asked=NOW + 60_000, outcome="found", **more):
    """The state that these documents, found at ``asked``, make."""
    facts = [segment.fact for document in documents for segment in read_document(document)]
    lookups = {str(asked): LookupFact(at=asked, outcome=outcome)} if asked else {}
    return TraceState(segments={fact.id: fact for fact in facts}, lookups=lookups, **more)


def lines_at(at):
    """What is known of lines without a request, logged at this time."""
    return {"": RequestFact(first_at=at, last_at=at)}


def verdict_of(*documents, **more):
    """The verdict with the rules as shipped."""
    return evaluate(state_of(*documents, **more), rules=default_rules(), give_up_after_ms=GIVE_UP)


def fired(verdict):
    """Which rules, with which severity."""
    return sorted((finding.rule, finding.severity) for finding in verdict.findings)


def behind_edge(status=200, service_more=None, function_more=None, *, inside=()):
    """API Gateway, Lambda service, function, with subsegments inside the function."""
    return (
        edge(status, **({"fault": True} if status >= 500 else {})),
        service(parent_id="bbbbbbbbbbbbbbbb", **(service_more or {})),
        function(subsegments=list(inside), **(function_more or {})),
    )


def test_a_healthy_trace_is_complete_and_silent():
    """Every parent is there, everything closed, nothing failed."""
    verdict = verdict_of(*behind_edge())
    assert (verdict.state, verdict.edge_status, verdict.client_saw, verdict.findings) == (
        "complete",
        200,
        "success",
        (),
    )


def test_pending_then_not_found():
    """Nothing found is pending until a look-up was made long enough after the last line."""
    early = TraceState(requests=lines_at(NOW), lookups={"1": LookupFact(at=NOW + 1000, outcome="absent")})
    late = TraceState(requests=lines_at(NOW), lookups={"1": LookupFact(at=NOW + GIVE_UP, outcome="absent")})
    assert evaluate(early, rules={}, give_up_after_ms=GIVE_UP).state == "pending"
    assert evaluate(late, rules={}, give_up_after_ms=GIVE_UP).state == "notFound"
    assert evaluate(EMPTY, rules={}, give_up_after_ms=GIVE_UP).state == "pending"


@pytest.mark.parametrize(
    "documents",
    [(edge(), function(parent="cccccccccccccccc")), (service(end_time=None, in_progress=True),),
     (service(), function(subsegments=[call("api", "c" * 16, traced=True)])), (service(),)],
)  # fmt: skip
def test_partial_then_incomplete(documents):
    """A missing parent, an open segment, a propagated call without an answer, or a service without its function keeps a trace partial, and then incomplete."""
    assert verdict_of(*documents).state == "partial"
    assert verdict_of(*documents, asked=NOW + 2 * GIVE_UP).state == "incomplete"


def test_unsampled_unless_something_was_found():
    """A request that was not sampled makes a trace unsampled, unless X-Ray has it all the same."""
    requests = {REQUEST: RequestFact(request_id=REQUEST, sampled=False)}
    assert evaluate(TraceState(requests=requests), rules={}, give_up_after_ms=GIVE_UP).state == "unsampled"
    assert verdict_of(service(), function(), requests=requests).state == "complete"


@pytest.mark.parametrize("outcome", ["limitExceeded", "sourceDisabled"])
def test_what_the_source_says(outcome):
    """What a look-up says of the source itself is the state where nothing is found."""
    assert verdict_of(outcome=outcome).state == outcome


@pytest.mark.parametrize("flags", [{"error": True}, {"fault": True}, CAUSE, {"error": True, "fault": True} | CAUSE])
@pytest.mark.parametrize("where", ["service", "function"])
def test_service_ok_function_failed(flags, where):
    """Lambda says 200, and the function failed: whichever flag AWS sets, on whichever of the two segments."""
    verdict = verdict_of(service(**(flags if where == "service" else {})), function(**(flags if where == "function" else {})))
    assert fired(verdict) == [("service-ok-function-failed", "alert")]
    assert verdict.hidden_fault


def test_an_empty_cause_is_no_failure():
    """Step Functions writes `"cause": {}` on success."""
    assert verdict_of(service(cause={}), function(cause={})).findings == ()


def test_a_502_that_the_client_saw_is_a_notice():
    """The service segment still claims 200, but nobody was told a success."""
    verdict = verdict_of(*behind_edge(502, {"error": True}, {"error": True} | CAUSE))
    assert fired(verdict) == [("service-ok-function-failed", "notice")]
    assert not verdict.hidden_fault


def test_invoke_ok_function_error():
    """The X-Ray SDK sets no flag on a failed invocation: only aws.function_error says so."""
    invoke = call("lambda", "c" * 16, namespace="aws", http={"response": {"status": 200}},
                  aws={"operation": "Invoke", "function_error": "Unhandled", "status_code": 200})  # fmt: skip
    assert fired(verdict_of(service(), function(subsegments=[invoke]))) == [("invoke-ok-function-error", "alert")]


def test_a_failed_call_two_levels_under_a_201():
    """The deepest fault is named once, with the path to it."""
    mail = call("mail", "c" * 16, fault=True, http={"response": {"status": 500}})
    local = {
        "id": "d" * 16,
        "name": "## notify",
        "start_time": NOW / 1000,
        "end_time": NOW / 1000 + 0.05,
        "fault": True,
        "subsegments": [mail],
    }
    verdict = verdict_of(*behind_edge(201, inside=[local]))
    assert fired(verdict) == [("edge-ok-downstream-fault", "alert")]
    assert verdict.findings[0].path == ("api/prod", "Lambda", "orders", "## notify", "mail")


def test_a_call_that_was_retried_with_success_is_no_finding():
    """The same call, made again later under the same parent, went well."""
    first = call("mail", "c" * 16, fault=True, http={"response": {"status": 503}})
    again = call("mail", "d" * 16, start_time=NOW / 1000 + 0.04, end_time=NOW / 1000 + 0.05, http={"response": {"status": 200}})
    assert verdict_of(*behind_edge(inside=[first, again])).findings == ()
    assert verdict_of(*behind_edge(inside=[first])).hidden_fault


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("ConditionalCheckFailedException", ""),
        ("ClientError", "An error occurred (404) when calling the HeadObject operation: Not Found"),
    ],
)
def test_expected_client_errors_are_no_finding(kind, message):
    """The SDK flags handled client errors as faults: those that programs expect stay silent, others do not."""

    def denied(type_, text):
        cause = {"cause": {"exceptions": [{"id": "1", "type": type_, "message": text}]}}
        return call("dynamodb", "c" * 16, namespace="aws", error=True, fault=True, http={"response": {"status": 400}}, **cause)

    assert verdict_of(*behind_edge(inside=[denied(kind, message)])).findings == ()
    assert verdict_of(*behind_edge(inside=[denied("AccessDeniedException", "no")])).hidden_fault


def test_a_plain_4xx_and_a_visible_failure_are_no_finding():
    """An `error` without fault is the caller's; a failure that the edge itself shows is nobody's secret."""
    missing = call("api", "c" * 16, error=True, http={"response": {"status": 404}})
    broken = call("mail", "c" * 16, fault=True, http={"response": {"status": 500}})
    assert verdict_of(*behind_edge(inside=[missing])).findings == ()
    assert verdict_of(*behind_edge(500, inside=[broken])).findings == ()


def test_timeout_from_a_line_and_from_a_segment_that_never_closed():
    """One finding per request, however often the platform says it; an open Lambda segment counts once time is up."""
    signals = {str(number): SignalFact(line_id=str(number), signals=("timeout",), request_id=REQUEST, text=text)
               for number, text in enumerate(("REPORT … Status: timeout", "Task timed out after 3.00 seconds"))}  # fmt: skip
    verdict = verdict_of(service(), function(), signals=signals)
    assert fired(verdict) == [("timeout", "alert")]
    assert "Task timed out" in verdict.findings[0].evidence
    open_segment = service(in_progress=True, end_time=None)
    assert verdict_of(open_segment).findings == ()
    assert fired(verdict_of(open_segment, asked=NOW + 2 * GIVE_UP)) == [("timeout", "alert")]


def test_lines_learn_their_own_segment():
    """Each Lambda request is given its function's segment with the status that the service answered."""
    found = SegmentTree(state_of(service(), function(error=True)).segments).status_of_line(REQUEST, "", NOW)
    assert (found.id, found.status, found.error) == ("17e84e76450d1777", 200, True)


def test_rules_can_be_switched_off_and_downgraded():
    """Rules are data."""
    failing = state_of(service(error=True), function(error=True))
    for text, expected in (('{"service-ok-function-failed": {"severity": "notice"}}', [("service-ok-function-failed", "notice")]),
                           ('{"service-ok-function-failed": {"enabled": false}}', [])):  # fmt: skip
        assert fired(evaluate(failing, rules=read_rules(text), give_up_after_ms=GIVE_UP)) == expected


def test_broken_rules_are_named():
    """A rule file that is wrong fails at start, and says where."""
    with pytest.raises(MisconfiguredError, match="severity"):
        read_rules('{"timeout": {"severity": "loud"}}')


def test_samples_of_others(samples):
    """No trace that others recorded raises an alert: none of them hides a fault behind a success."""
    for path in sorted((samples / "segments").iterdir()):
        content = json.loads(path.read_text())
        assert not verdict_of(*content.get("Segments", [content]), asked=NOW).hidden_fault, path.name


def test_a_request_that_the_platform_calls_sampled_must_have_its_segment():
    """A trace that looks whole is not, while the segment that a REPORT line names has not come: by its id or by its request."""
    sampled = {REQUEST: RequestFact(request_id=REQUEST, segment_id="5" * 16, sampled=True)}
    assert verdict_of(edge(subsegments=[]), requests=sampled).state == "partial"
    assert verdict_of(edge(subsegments=[]), requests=sampled).missing == (f"the segment of the request {REQUEST} is missing",)
    for segments in ((service(parent_id=""), function()), (service("5" * 16, aws={}), function(parent="5" * 16))):
        assert verdict_of(*segments, requests=sampled).state == "complete"


def test_the_platform_outweighs_a_header():
    """A line whose header says Sampled=0 is no word on a trace in which a request was sampled."""
    header, platform = (
        RequestFact(request_id="a", claimed_sampled=False),
        RequestFact(request_id="b", segment_id="5" * 16, sampled=True),
    )
    assert verdict_of(asked=0, requests={"a": header}).state == "unsampled"
    assert verdict_of(asked=0, requests={"a": header, "b": platform}).state == "pending"


def test_absurd_times_do_not_keep_a_trace_open():
    """A segment that ends in two hundred years is passed over, and a trace is not asked for without end."""
    later = service(end_time=NOW / 1000 + 200 * 365 * 86_400)
    assert verdict_of(later, function(), asked=NOW + 60_000).state == "complete"
    many = {str(at): LookupFact(at=at, outcome="absent") for at in range(NOW, NOW + 20)}
    assert evaluate(TraceState(requests=lines_at(NOW), lookups=many), rules={}, give_up_after_ms=GIVE_UP).state == "notFound"


@pytest.mark.parametrize(
    ("outcome", "said"),
    [("absent", "has no trace"), ("unprocessed", "unprocessed each time"), ("subscribed", "No span"), ("refused", "does not take this"), ("sourceDisabled", "Transaction Search is on"),
     ("limitExceeded", "larger than X-Ray keeps")],
)  # fmt: skip
def test_each_end_without_a_trace_has_its_sentence(outcome, said):
    """Why there is nothing, in words."""
    verdict = verdict_of(asked=NOW + GIVE_UP, outcome=outcome, requests=lines_at(NOW))
    assert verdict.final
    assert said in verdict.state_reason


def test_a_trace_beyond_the_limit_is_never_complete():
    """What X-Ray cut off may look whole: it says so."""
    assert verdict_of(*behind_edge(), outcome="limitExceeded").state == "limitExceeded"


def test_the_attempts_of_one_request_are_told_apart():
    """An asynchronous invocation fails and is tried again: each line shows the attempt that it was written in."""
    attempts = [{"id": letter * 16, "name": f"Attempt #{number}", "start_time": NOW / 1000 + 60 * number, "end_time": NOW / 1000 + 60 * number + 1}
                for number, letter in enumerate("cd")]  # fmt: skip
    functions = [function(id_ * 16, parent, start_time=NOW / 1000 + at, end_time=NOW / 1000 + at + 1, error=failed)
                 for id_, parent, at, failed in (("1", "c" * 16, 0, True), ("2", "d" * 16, 60, False))]  # fmt: skip
    tree = SegmentTree(state_of(service(http={"response": {"status": 202}}, subsegments=attempts), *functions).segments)
    told = [tree.status_of_line(REQUEST, "", NOW + at) for at in (-5, 500, 60_500)]
    assert [(status.id, status.error, status.status) for status in told] == [
        ("1" * 16, True, 202),
        ("1" * 16, True, 202),
        ("2" * 16, False, 202),
    ]


def test_a_line_with_a_span_but_no_request():
    """What runs elsewhere than on Lambda names its span: the segment around it is the line's."""
    tree = SegmentTree(state_of(edge()).segments)
    assert tree.status_of_line("", "b" * 16, NOW).name == "api/prod"
    assert tree.status_of_line("", "f" * 16, NOW) is None


def test_a_ring_of_parents_has_an_entry():
    """Two segments that name each other as parent are judged all the same."""
    ring = (
        service("1" * 16, parent_id="2" * 16),
        service("2" * 16, parent_id="1" * 16, start_time=NOW / 1000 + 1, end_time=NOW / 1000 + 2),
    )
    assert verdict_of(*ring).root.id == "1" * 16
