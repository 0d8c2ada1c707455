"""Fingerprint: what the hidden faults of one cause have in common, in whichever trace they happen. Pure."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

import msgspec

from pipeline.detect.failures import Failure, group_failures
from pipeline.detect.message_template import message_template, path_template, route_template
from pipeline.detect.segment_tree import SegmentTree
from pipeline.detect.verdict import Finding, Fingerprint, IssueSighting
from pipeline.model.facts import SegmentFact
from pipeline.model.log_groups import version_in
from pipeline.model.trace_state import TraceState

FAMILIES: Final[Mapping[str, str]] = {
    "service-ok-function-failed": "functions", "invoke-ok-function-error": "functions", "async-attempt-failed": "functions",
    "edge-ok-downstream-fault": "downstream", "throttled-downstream": "downstream",
    "edge-ok-error-log": "edge", "edge-error-trace-ok": "edge",
    "error-payload-behind-200": "payloads", "batch-partial-failure": "payloads", "state-machine-failed": "payloads",
    "durable-execution-failed": "durable",
    "timeout": "platform", "out-of-memory": "platform", "crash": "platform",
    "unsampled-error": "unsampled",
}  # fmt: skip
"""The family of each rule: the table of docs/findings.md."""
_MOST: Final = 20


def fingerprint_id(fingerprint: Fingerprint) -> str:
    """Returns the id of the issue with this fingerprint: 16 hexadecimal digits, the same at any time."""
    parts = "\0".join(msgspec.structs.astuple(fingerprint))
    return blake2b(parts.encode("utf-8", "replace"), digest_size=8).hexdigest()


def issues_in(findings: Iterable[Finding], tree: SegmentTree, state: TraceState) -> tuple[IssueSighting, ...]:
    """Returns the issues that a trace's findings show, one for each fingerprint of a failure that is hidden, sorted by id; 20 at most.

    Args:
        findings: of one trace.
        tree: its segments.
        state: its facts, which show the version of a Lambda function.
    """
    failures = [failure for failure in group_failures(findings) if failure.alert]
    found: dict[str, IssueSighting] = {}
    for failure in failures:
        if _is_repeated(failure, failures, state):
            continue
        fingerprint = _fingerprint_of(failure, tree)
        id_ = fingerprint_id(fingerprint)
        before = found.get(id_)
        fired = {finding.rule for finding in failure.findings if finding.severity == "alert"}
        # the first failures are the deepest ones
        found[id_] = IssueSighting(
            id=id_, fingerprint=fingerprint, rules=tuple(sorted(fired.union(before.rules if before else ()))),
            evidence=before.evidence if before else failure.lead.evidence,
            version=before.version if before else _version_of(failure, tree, state),
        )  # fmt: skip
    return tuple(found[id_] for id_ in sorted(list(found)[:_MOST]))


def failures_of(issue: IssueSighting, findings: Iterable[Finding]) -> list[Failure]:
    """Returns the failures among a trace's findings that are about an issue of this trace; all of them where none says so."""
    found = group_failures(findings)
    return [failure for failure in found if failure.alert and failure.lead.evidence == issue.evidence] or found


def _is_repeated(failure: Failure, failures: Iterable[Failure], state: TraceState) -> bool:
    """Whether a line of API Gateway's log only quotes the exception of the function behind it, which is another one of ``failures``.

    That one has to stand in the log that has the platform's record of the integration's request: nobody else's line takes a failure away.
    """
    lead = failure.lead
    if lead.rule != "service-ok-function-failed" or lead.exception_type or lead.exception_message:
        return False
    behind = {state.requests[request].integration_request_id for request in _requests_of(failure, state)} - {""}
    return any(
        other.lead.exception_type and _said(other.lead) and _said(other.lead) in lead.evidence
        and any(state.requests[request].platform and state.requests[request].request_id in behind for request in _requests_of(other, state))
        for other in failures
    )  # fmt: skip


def _requests_of(failure: Failure, state: TraceState) -> set[str]:
    """The keys of the known requests that wrote the lines of a failure."""
    return {state.signals[line.id].request for line in failure.lines if line.id in state.signals} & state.requests.keys()


def _said(lead: Finding) -> str:
    """The exception's message, else what the finding quotes, without the excerpt behind it (`pipeline.model.facts.evidence_of`)."""
    # a rule's own words end with a colon, behind which it quotes
    return lead.exception_message or lead.evidence.partition(": ")[2].partition(" | ")[0]


def _fingerprint_of(failure: Failure, tree: SegmentTree) -> Fingerprint:
    lead, deepest = failure.lead, failure.deepest
    fact = tree.segments.get(deepest.span_id)
    call = tree.parent(fact) if fact and fact.inferred else None
    exception_type, message = lead.exception_type, _said(lead)
    if call and not exception_type:
        # X-Ray infers the segment of a service only sometimes, and it has less than the call
        exception_type, message = call.exception_type, call.exception_message or message
    failed = call or fact
    return Fingerprint(
        family=FAMILIES.get(lead.rule, lead.rule),
        entry=_operation(tree.entry),
        service=tree.service_name(failed) if failed else deepest.service_name,
        operation=_operation(failed) if failed else message_template(deepest.path[-1]) if deepest.path else "",
        exception_type=exception_type,
        message=message_template(message),
    )


def _operation(fact: SegmentFact | None) -> str:
    """A request's method and route's template, else a call's name with its operation, else the name; empty if nothing is known."""
    if fact is None:
        return ""
    if route := route_template(fact.name):
        return route
    name = message_template(fact.name)
    if fact.url:
        route = " ".join(filter(None, (fact.method, path_template(fact.url) or "/")))
        # the name of a call over HTTP is its host
        return f"{name} {route}" if fact.subsegment else route
    return " ".join(filter(None, (name, fact.operation if fact.operation != fact.name else "")))


def _version_of(failure: Failure, tree: SegmentTree, state: TraceState) -> str:
    """The version of the Lambda function in which it failed, as the log stream's name says; empty if it is unknown."""
    fact = tree.segments.get(failure.deepest.span_id)
    around = [fact, *tree.ancestors(fact)] if fact else []
    asked = {own.request_id for own in around if own.request_id}
    asked |= {state.requests[request].request_id for request in _requests_of(failure, state)} - {""}
    versions = {version_in(stream) for request in state.requests.values() if request.request_id in asked and not request.elsewhere
                for stream in request.runs}  # fmt: skip
    return max(versions - {""}, default="")
