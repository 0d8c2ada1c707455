"""The rules: each looks at the merged state and tells which failures a success hides."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib.resources import files

import msgspec

from pipeline.errors import MisconfiguredError
from pipeline.judge.tree import FUNCTION, SERVICE, Tree, call_of, failed, faulted
from pipeline.judge.verdict import Finding, FindingSeverity, State
from pipeline.state import SegmentFact, SignalFact, TraceState

_OK = frozenset({200, 202})
_CLIENT_ERROR = 400
_SERVER_ERROR = 500
_MOST_FINDINGS = 100
_CODE = re.compile(r"An error occurred \((\w+)\)")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a user can set of one rule.

    Attributes:
        expected: exception types, botocore error codes and status codes that are no failure.
    """

    enabled: bool = True
    severity: FindingSeverity = "alert"
    expected: tuple[str, ...] = ()


Rules = Mapping[str, Rule]


@lru_cache(maxsize=1)
def default_rules() -> Rules:
    """The rules that ship with tracejoin, from `rules.json`."""
    return read_rules((files("pipeline.judge") / "rules.json").read_bytes())


def read_rules(data: bytes) -> Rules:
    """Rules out of JSON. Raises MisconfiguredError that says where it is wrong."""
    try:
        return msgspec.json.decode(data, type=dict[str, Rule])
    except msgspec.DecodeError as error:
        raise MisconfiguredError([f"the rules can't be read: {error}"]) from error


def find(state: TraceState, tree: Tree, rules: Rules, outcome: State) -> tuple[Finding, ...]:
    """All findings, in a fixed order. ``outcome`` is the trace's state, since time may have to be up for some."""
    found: list[Finding] = []
    for name, look in _LOOKS.items():
        rule = rules.get(name)
        if rule and rule.enabled:
            found += look(_Case(state, tree, name, rule, outcome))
    # alerts first, where there are more than anybody reads
    return tuple(sorted(sorted(sorted(set(found)), key=lambda finding: finding.severity)[:_MOST_FINDINGS]))


class _Case(msgspec.Struct, frozen=True):
    """What a rule looks at."""

    state: TraceState
    tree: Tree
    name: str
    rule: Rule
    outcome: State

    def finding(self, fact: SegmentFact, evidence: str) -> Finding:
        """A finding about ``fact``. What the client plainly saw is hidden from nobody: a notice."""
        return Finding(
            rule=self.name, severity="notice" if self.tree.client_saw == "error" else self.rule.severity,
            service_name=self.tree.service_name(fact), span_id=fact.id, path=self.tree.path(fact),
            reported=str(fact.status or ""), evidence=evidence, client_saw=self.tree.client_saw,
        )  # fmt: skip


def _service_ok_function_failed(case: _Case) -> Iterator[Finding]:
    """The Lambda service answers 200 or 202 while it, or its function, says that it failed."""
    for service in case.tree:
        if service.origin != SERVICE or service.status not in _OK:
            continue
        function = case.tree.function_of(service)
        culprit = next((fact for fact in (function, service) if fact and failed(fact)), None)
        if culprit:
            what = _what_happened(culprit, case.tree)
            yield case.finding(service, f"Lambda answered {service.status}, but the function {service.name} failed: {what}")


def _invoke_ok_function_error(case: _Case) -> Iterator[Finding]:
    """An Invoke call answers 200 with a function error, on which the X-Ray SDK sets no flag."""
    for call in case.tree:
        if call.function_error and (call.status is None or call.status < _CLIENT_ERROR):
            yield case.finding(
                call,
                f"{call.operation or 'Invoke'} answered {call.status or 'success'}, but with a function error: {call.function_error}",
            )


def _edge_ok_downstream_fault(case: _Case) -> Iterator[Finding]:
    """The entry answers below 400 while a call below it faulted, at any depth; the deepest one of each chain is named."""
    tree = case.tree
    entry = tree.entry
    if entry is None or tree.client_saw != "success":
        return
    own = _own_failure(entry, tree)
    culprits = [
        fact for fact in tree.below(entry)
        if faulted(fact) and fact.id not in own and not _expected(fact, case.rule) and not _retried(fact, tree)
    ]  # fmt: skip
    above = {ancestor.id for fact in culprits for ancestor in tree.ancestors(fact)}
    for fact in culprits:
        if fact.id not in above:
            told = entry.status or "success"
            yield case.finding(fact, f"the entry {entry.name} answered {told}, but {fact.name} failed: {_what_happened(fact, tree)}")


def _timeout(case: _Case) -> Iterator[Finding]:
    """The platform says so, or time is up and a Lambda segment never closed."""
    told: dict[str, SignalFact] = {}
    for signal in sorted(case.state.signals.values(), key=lambda signal: ("timed out" not in signal.text, signal.line_id)):
        if "timeout" in signal.signals:
            # the platform says it twice, in a line of its own and in the REPORT line
            told.setdefault(signal.request_id or signal.line_id, signal)
    for signal in told.values():
        subject = _segment_of(signal.request_id, case.tree) or SegmentFact(id="", service_name=signal.service_name)
        yield case.finding(subject, f"timed out: {' '.join(signal.text.split()) or 'the platform says so'}")
    if case.outcome == "incomplete":
        for fact in case.tree:
            if fact.in_progress and fact.origin in {SERVICE, FUNCTION}:
                yield case.finding(fact, f"{fact.name} never closed its segment: it was stopped or is lost")


def _own_failure(entry: SegmentFact, tree: Tree) -> frozenset[str]:
    """The spans of the entry's own function, where it is a failed Lambda function: the first rule tells of those."""
    function = tree.function_of(entry) if entry.origin == SERVICE else None
    if function is None or not (failed(function) or failed(entry)):
        return frozenset()
    own = {function.id}
    waiting = [function]
    while waiting:
        for child in tree.children(waiting.pop()):
            if child.subsegment and child.namespace not in {"aws", "remote"} and child.id not in own:
                own.add(child.id)
                waiting.append(child)
    return frozenset(own)


def _expected(fact: SegmentFact, rule: Rule) -> bool:
    """Whether a failed call is one that programs expect: a conditional check, a missing key. Never a 5xx."""
    if (fact.status or 0) >= _SERVER_ERROR:
        return False
    code = _CODE.search(fact.exception_message)
    names = {fact.exception_type, code[1] if code else "", str(fact.status or "")}
    return bool(names & set(rule.expected))


def _retried(fact: SegmentFact, tree: Tree) -> bool:
    """Whether the same call was made again later, and went well."""
    parent = tree.parent(fact)
    return parent is not None and tree.last_success(parent).get(call_of(fact), -1) >= (fact.end or fact.start or 0)


def _segment_of(request_id: str, tree: Tree) -> SegmentFact | None:
    return next((fact for fact in tree if request_id and fact.request_id == request_id and fact.origin == SERVICE), None)


def _what_happened(fact: SegmentFact, tree: Tree) -> str:
    """The exception of ``fact``, or of the nearest one below it that has any."""
    for candidate in (fact, *tree.below(fact)):
        if candidate.exception_type or candidate.exception_message:
            return ": ".join(filter(None, (candidate.exception_type, candidate.exception_message)))
    flags = " and ".join(name for name in ("fault", "error", "throttle") if getattr(fact, name))
    return f"status {fact.status}" if (fact.status or 0) >= _CLIENT_ERROR else f"marked as {flags or 'failed'}, without a cause"


_LOOKS: dict[str, Callable[[_Case], Iterator[Finding]]] = {
    "service-ok-function-failed": _service_ok_function_failed,
    "invoke-ok-function-error": _invoke_ok_function_error,
    "edge-ok-downstream-fault": _edge_ok_downstream_fault,
    "timeout": _timeout,
}
