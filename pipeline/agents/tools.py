"""Tools: what an agent may ask, each with its arguments and the search that answers it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec

from pipeline.agents.answer import Answer
from pipeline.detect.failures import describe_failure, group_failures
from pipeline.detect.rule import Rules
from pipeline.errors import BadInputError
from pipeline.model.durable import DurableFact
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray
from pipeline.search.explain_trace import explain_traces, in_words
from pipeline.search.function_totals import function_totals, totals_as_json
from pipeline.search.invocation_list import as_json, list_invocations
from pipeline.search.invocation_query import FAILED, SORTS, STATUSES, InvocationQuery, Status
from pipeline.search.issue_list import ListedIssue, list_issues, unlisted_faults
from pipeline.search.no_results import explain_no_results
from pipeline.search.question import parse_question, search_query
from pipeline.search.search import find
from pipeline.search.service_map import Traffic, read_service_map
from pipeline.search.time_expressions import EXPECTED, parse_time
from pipeline.search.transaction_view import transaction_view
from pipeline.search.waterfall import Row, closed
from pipeline.store.client import Store

MOST_ROWS: Final = 200
"""An answer has no more rows."""
_MOST_DRAWN: Final = 5000
_NANOS: Final = 1_000_000
# what a line or span says of a durable execution
_DURABLE: Final = tuple(field.encode_name for field in msgspec.structs.fields(DurableFact))
_Text = TypeVar("_Text", bound=str)

_Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST_ROWS, description="How many rows at most.")]
_Id = Annotated[
    str, msgspec.Meta(min_length=1, max_length=1000, description="A trace id (X-Ray's or W3C's), a correlation id or a request id.")
]
_Time = Annotated[str, msgspec.Meta(max_length=100, description=f"A time {EXPECTED}; in UTC where it names no zone. Empty for no bound.")]
_QUESTION: Final = (
    'Terms with spaces between, all of which must match; empty for everything. A word or an id alone; "words in order"; -term excludes;'
    " service:NAME, level:error (and worse), kind:log or kind:span, state:STATE, hidden:yes (traces with hidden faults), group:LOG-GROUP,"
    " tenant:ID, annotation:KEY=VALUE, status:5xx, edge:5xx (what the caller was told), duration:>500ms, since:2h,"
    " until:2026-11-24T10:00:00Z (UTC). An id stands for its whole transaction unless exact:yes is there."
)
_Question = Annotated[str, msgspec.Meta(max_length=4000, description=_QUESTION)]


_Name = Annotated[str, msgspec.Meta(max_length=512, description="The name of a function or its log group, or a tenant id. Empty for all.")]
_Status = Annotated[
    str, msgspec.Meta(max_length=20, description=f"How it ended: {', '.join(STATUSES)}, or failed for any but success. Empty for all.")
]
_Cold = Annotated[str, msgspec.Meta(max_length=5, description="yes for cold starts only, no for none of them. Empty for both.")]
_Milliseconds = Annotated[int, msgspec.Meta(ge=0, description="Milliseconds that it took at least.")]
_Sort = Annotated[str, msgspec.Meta(max_length=20, description=f"By what, the newest or largest first: {', '.join(SORTS)}.")]


class SearchArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `search`."""

    question: _Question = ""
    limit: _Limit = 50


class IdArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `why`."""

    id: _Id


class TraceArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `trace`."""

    id: _Id
    limit: _Limit = 100


class PeriodArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `map`."""

    since: _Time = "24h"
    until: _Time = ""
    limit: _Limit = 100


class IssuesArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `issues`."""

    since: _Time = "7d"
    limit: _Limit = 50


class InvocationsArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `invocations`."""

    function: _Name = ""
    tenant: _Name = ""
    status: _Status = ""
    cold: _Cold = ""
    slower_than_ms: _Milliseconds = 0
    sort: _Sort = "time"
    since: _Time = "24h"
    until: _Time = ""
    limit: _Limit = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Where the answers come from.

    Attributes:
        store: OpenSearch.
        rules: the rules by name.
        delays: seconds between the look-ups of a trace.
        api_gateway: names of API Gateway's log groups, with `*` and `?`.
    """

    store: Store
    rules: Rules
    delays: Sequence[int]
    api_gateway: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool: its name, what it does in words for the agent, the struct of its arguments, and what answers a call."""

    name: str
    description: str
    arguments: type[msgspec.Struct]
    run: Callable[[Stored, Any], Answer]

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments."""
        _, found = msgspec.json.schema_components([self.arguments])
        schema: dict[str, Any] = found[self.arguments.__name__]
        return {key: value for key, value in schema.items() if key not in {"title", "description"}}

    def call(self, stored: Stored, arguments: Mapping[str, Any]) -> Answer:
        """Answers one call. Raises BadInputError where the arguments are not those of the schema, and what the search raises."""
        try:
            given = msgspec.convert(dict(arguments), self.arguments, strict=False)
        except msgspec.ValidationError as error:
            raise BadInputError(f"wrong arguments: {error}") from error
        begun = stored.store.left_out.now()
        answer = self.run(stored, given)
        missing = [f"{name} can't be searched now, so what is in there is missing" for name in sorted(stored.store.left_out.since(begun))]
        return replace(answer, beside={"missing": missing, **answer.beside})


def _search(stored: Stored, given: SearchArguments) -> Answer:
    query = search_query(parse_question(given.question), now=datetime.now(UTC), zone=UTC, limit=given.limit)
    found = find(query, stored.store)
    rows = [_hit(hit["_source"]) for hit in found.hits][::-1]
    reasons = [] if rows else explain_no_results(query, stored.store, delays=stored.delays, now=time.time())
    more = "they are the newest; ask again with until: and the time of the last row here, or with more terms"
    return Answer(rows=rows, total=found.total, more=more, beside={"whyNothing": reasons})


def _hit(document: Mapping[str, Any]) -> dict[str, Any]:
    kind, status, trace_id = document["doc"]["kind"], document.get("trace") or {}, document.get("traceId") or ""
    durable = document.get("durable") or {}
    return {
        "at": document.get("@timestamp"),
        "kind": kind,
        "service": document.get("serviceName"),
        "level": (document.get("severity") or {}).get("text"),
        "text": document.get("body") if kind == "log" else document.get("name"),
        "error": (document.get("status") or {}).get("message"),
        "excerpt": document.get("excerpt"),
        "signals": document.get("signals"),
        "trace": to_xray(trace_id) if trace_id else None,
        "state": status.get("state"),
        "hiddenFault": status.get("hiddenFault") or None,
        "requestId": document.get("requestId"),
        "correlationId": document.get("correlationId"),
        "logGroup": (document.get("aws") or {}).get("logGroup"),
        "tenantId": document.get("tenantId"),
        "durable": {name: durable[name] for name in _DURABLE if name in durable},
    }


def _trace(stored: Stored, given: TraceArguments) -> Answer:
    view = transaction_view(given.id, stored.store, rules=stored.rules, api_gateway=stored.api_gateway, most=_MOST_DRAWN)
    if view is None:
        raise BadInputError(f"nothing is known of {given.id}: check the id, or search for a word")
    rows = closed(view.rows())
    states = [f"{each.xray_trace_id} is {each.state}: {each.state_reason}" for each in view.explanations]
    failures = [f"{word}: {text}" for each in view.explanations for failure in group_failures(each.fired)
                for word, text in describe_failure(failure, zone=UTC)]  # fmt: skip
    joined = [{"by": edge.name, "evidence": edge.evidence} for edge in view.transaction.edges]
    # what folded or was not read is no row
    total = len(rows) + view.total - len(view.items)
    return Answer(
        rows=[_drawn(row) for row in rows[: given.limit]],
        total=total,
        more="`search` with the id, and since: and until: around what matters, lists the others",
        beside={"began": [view.began], "failures": failures, "traces": states, "joined": joined},
    )


def _drawn(row: Row) -> dict[str, Any]:
    return {
        "ms": None if row.offset is None else round(row.offset, 1),
        "duration": round(row.duration, 1) if row.duration else None,
        "depth": row.depth,
        "kind": row.kind,
        "service": row.service_name,
        "text": row.text,
        "level": row.level,
        "failed": row.failed or None,
        "onTheWayToTheFailure": row.on_way or None,
        "beginsTrace": to_xray(row.begins) if row.begins else None,
    }


def _why(stored: Stored, given: IdArguments) -> Answer:
    found = explain_traces(given.id, stored.store, stored.rules)
    names = [each.xray_trace_id for each in found]
    if not found:
        raise BadInputError(f"nothing is known of {given.id}: check the id, or search for a word")
    rows = [{"trace": each.xray_trace_id, "says": sentence} for each in found for sentence in in_words(each, zone=UTC)]
    return Answer(rows=rows, total=len(rows), more="ask for one of the other traces by its own id", beside={"traces": names})


def _issues(stored: Stored, given: IssuesArguments) -> Answer:
    found = list_issues(stored.store, now=datetime.now(UTC), since=_moment(given.since))
    older = unlisted_faults(stored.store, since=_moment(given.since))
    return Answer(
        rows=[_issue(each) for each in found[: given.limit]],
        total=len(found),
        more="ask for more rows by limit, or for a shorter time by since; new issues come first, then those seen last",
        beside={"inNoIssue": [f"{older:,} traces with hidden faults that an earlier version evaluated"]} if older else {},
    )


def _issue(listed: ListedIssue) -> dict[str, Any]:
    issue, fingerprint = listed.issue, listed.issue.fingerprint
    return {
        "issue": issue.id,
        "state": issue.state,
        "traces": listed.total,
        "firstSeen": iso_millis(listed.first_at),
        "lastSeen": iso_millis(listed.last_at),
        "service": fingerprint.service,
        "operation": fingerprint.operation,
        "entry": fingerprint.entry,
        "family": fingerprint.family,
        "exception": fingerprint.exception_type,
        "message": fingerprint.message,
        "callersWereTold": [{"saw": saw, "status": status, "times": times} for saw, status, times in listed.told],
        "newestTrace": to_xray(listed.newest.trace_id) if listed.newest else None,
    }


def _map(stored: Stored, given: PeriodArguments) -> Answer:
    found = read_service_map(stored.store, since=_moment(given.since), until=_moment(given.until, end=True))
    edges = [
        {"from": edge.caller, "to": edge.callee, "via": edge.via, "knownBy": edge.evidence, **_traffic(edge.traffic)}
        for edge in found.edges
    ]
    nodes = [{"node": node.name, "kind": node.kind, "entries": node.entries, **_traffic(node.traffic)} for node in found.nodes]
    read = (
        f"the newest {found.spans:,} spans of the period: a shorter one is whole"
        if found.is_cut
        else f"all {found.spans:,} spans of the period"
    )
    rows = [*edges, *nodes]
    more = "edges come first, then nodes, the busiest first; ask for a shorter time, or for more rows by limit"
    return Answer(rows=rows[: given.limit], total=len(rows), more=more, beside={"madeOf": [read]})


def _traffic(traffic: Traffic) -> dict[str, Any]:
    return {
        "calls": traffic.calls,
        "errors": traffic.errors,
        "hiddenFaults": traffic.hidden_faults,
        "p50Ms": None if traffic.p50 is None else traffic.p50 / _NANOS,
        "p95Ms": None if traffic.p95 is None else traffic.p95 / _NANOS,
        "exampleTrace": to_xray(traffic.example) if traffic.example else None,
    }


def _invocations(stored: Stored, given: InvocationsArguments) -> Answer:
    query = InvocationQuery(
        functions=_given(given.function), tenants=_given(given.tenant),
        statuses=_statuses(given.status),
        cold={"yes": True, "no": False}.get(_choice("cold", given.cold, ("", "yes", "no"))),
        slower_than=given.slower_than_ms or None, sort=_choice("sort", given.sort, SORTS),
        since=_moment(given.since), until=_moment(given.until, end=True),
    )  # fmt: skip
    totals = function_totals(query, stored.store)
    rows = [as_json(each) for each in list_invocations(query, stored.store, limit=given.limit)]
    more = "the totals of the functions beside them are those of all rows; ask for a shorter time, or for more rows by limit"
    return Answer(
        rows=rows,
        total=sum(each.invocations for each in totals),
        more=more,
        beside={"functions": [totals_as_json(each) for each in totals]},
    )


def _given(value: str) -> tuple[str, ...]:
    return (value,) if value else ()


def _statuses(name: str) -> tuple[Status, ...]:
    return FAILED if name == "failed" else (_choice("status", name, STATUSES),) if name else ()


def _choice(name: str, value: str, allowed: Sequence[_Text]) -> _Text:
    for each in allowed:
        if each == value:
            return each
    raise BadInputError(f"{name} is one of {', '.join(filter(None, allowed))}")


def _moment(text: str, *, end: bool = False) -> datetime | None:
    return parse_time(text, now=datetime.now(UTC), zone=UTC, end=end) if text.strip() else None


TOOLS: Final = (
    Tool(name="search", arguments=SearchArguments, run=_search, description=(
        "Finds log lines and spans in one list, the newest first, by ids of any kind, words and filters. Says why nothing is found.")),
    Tool(name="trace", arguments=TraceArguments, run=_trace, description=(
        "Draws one transaction: its traces' spans as a tree with their log lines inside, what failed, and what joins the traces.")),
    Tool(name="why", arguments=IdArguments, run=_why, description=(
        "Explains traces in words: their state and why, what is missing, each look-up at X-Ray, how lines joined, which rules fired.")),
    Tool(name="issues", arguments=IssuesArguments, run=_issues, description=(
        "Lists faults that hide behind a success, those of one cause as one issue, new ones first, with a trace of each.")),
    Tool(name="map", arguments=PeriodArguments, run=_map, description=(
        "Shows which service calls which, and what else they call: calls, errors, hidden faults and latency of each edge and node.")),
    Tool(name="invocations", arguments=InvocationsArguments, run=_invocations, description=(
        "Lists invocations of Lambda functions: duration, billed, memory, cold start, status, trace; beside them each function's totals.")),
)  # fmt: skip
"""Every tool; all of them only read."""


def tool_named(name: str) -> Tool:
    """The tool of this name. Raises BadInputError where there is none."""
    for tool in TOOLS:
        if tool.name == name:
            return tool
    raise BadInputError(f"there is no tool {name}: there are {', '.join(tool.name for tool in TOOLS)}")
