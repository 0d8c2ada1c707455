"""Verdicts on made-up traces: on segments, on raw log lines, or on facts."""

import json

from pipeline.detect.evaluate import evaluate
from pipeline.detect.rule import default_rules
from pipeline.model.facts import LookupFact, RequestFact
from pipeline.model.trace_state import TraceState, merge
from pipeline.offline.classify_traces import facts_of_lines
from pipeline.offline.explain_lines import read
from pipeline.traces.read_document import read_trace_document
from pipeline.traces.segment import facts_of_segments
from tests.support.events import NOW, TRACE, document, edge, end, function, service, start

GIVE_UP = 600_000
CAUSE = {"cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "no stock"}]}}
TRACEBACK = "[ERROR] ValueError: no stock\nTraceback (most recent call last):\n  File ..."


def state_of(*documents, asked=NOW + 60_000, outcome="found", **more):
    """The state that these documents, found at ``asked``, make."""
    facts = [segment.fact for document in documents for segment in read_trace_document(document)]
    lookups = {str(asked): LookupFact(at=asked, outcome=outcome)} if asked else {}
    return TraceState(segments={fact.id: fact for fact in facts}, lookups=lookups, **more)


def lines_at(at):
    """What is known of lines without a request, logged at this time."""
    return {"": RequestFact(first_at=at, last_at=at)}


def verdict_of(*segments, lines=(), access_log=(), asked=NOW + 60_000, outcome="found", rules=None, at=NOW, **more):
    """The verdict on these segments, raw log lines of one invocation, lines of API Gateway's log, read as `classify` reads them, and other facts."""
    documents = [document([start(), *lines, end()], at=at)] if lines else []
    documents += [document(list(access_log), group="/aws/apigateway/orders", at=at)] if access_log else []
    facts = facts_of_lines(line for _, line in read(json.dumps(documents).encode(), max_bytes=10**6)) if documents else {}
    found = facts_of_segments(segment for one in segments for segment in read_trace_document(one))
    state = merge(facts.get(TRACE, TraceState()), found.get(TRACE, TraceState()), state_of(asked=asked, outcome=outcome, **more))
    return evaluate(state, rules=rules or default_rules(), give_up_after_ms=GIVE_UP)


def fired(verdict):
    """Which rules, with which severity."""
    return {(finding.rule, finding.severity) for finding in verdict.findings}


def findings_of(verdict):
    """The rule and severity of each finding, in alphabetical order."""
    return sorted((finding.rule, finding.severity) for finding in verdict.findings)


def behind_edge(status=200, service_more=None, *, inside=(), **function_more):
    """API Gateway, the Lambda service and its function, with subsegments inside."""
    flags = {"fault": True} if status >= 500 else {}
    return edge(status, **flags), service(parent_id="b" * 16, **(service_more or {})), function(subsegments=list(inside), **function_more)


def attempts(*failed):
    """An asynchronous invocation with one attempt after the other, a minute apart."""
    marks = [(f"{number:016x}", NOW / 1000 + 60 * number, bad) for number, bad in enumerate(failed, 1)]
    tries = [{"id": id_, "name": f"Attempt #{number}", "start_time": at, "end_time": at + 1, "http": {"response": {"status": 200}}}
             for number, (id_, at, _) in enumerate(marks, 1)]  # fmt: skip
    functions = [
        function("f" + id_[1:], id_, start_time=at, end_time=at + 1, **({"error": True} | CAUSE if bad else {})) for id_, at, bad in marks
    ]
    return service(http={"response": {"status": 202}}, end_time=NOW / 1000 + 300, subsegments=tries), *functions
