"""What OpenSearch says of itself and of what tracejoin keeps there; all of it through `pipeline.store.client.Store`, only reading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pipeline.errors import BadInputError, TracejoinError
from pipeline.provision.desired_state import Change
from pipeline.provision.install import install
from pipeline.store.client import Store

_REFUSED = frozenset({401, 403})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Whether OpenSearch lets us search.

    Attributes:
        status: 200; 401 or 403 where it refuses; 0 where it does not answer; else what it answered.
        text: what it said, as it came.
    """

    status: int = 200
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """What is open though every look-up is long over: how many lines and spans, how many traces, and one trace of them."""

    lines: int = 0
    traces: int = 0
    example: str = ""


def reach(store: Store) -> Reached:
    """Searches for nothing: every kind of OpenSearch has that, and both functions need it."""
    try:
        store.search({"size": 0})
    except TracejoinError as error:
        return Reached(status=error.status, text=error.answer if error.status in _REFUSED else str(error))
    return Reached()


def read_changes(store: Store, retention_days: int) -> list[Change]:
    """What `tracejoin setup` would change; monitors are left out, since they may be unwanted."""
    return install(store, retention_days=retention_days, monitors=False, check=True)


def read_health(store: Store) -> Mapping[str, Any]:
    """`status` (green, yellow, red), `unassigned_shards` and more."""
    return store.request("GET", "/_cluster/health")


def read_disks(store: Store) -> dict[str, int]:
    """How many percent of each node's disk are used; without nodes that don't say."""
    rows = cast("Sequence[Mapping[str, Any]]", store.request("GET", "/_cat/allocation", params={"format": "json"}))
    return {str(row.get("node")): int(float(row["disk.percent"])) for row in rows if row.get("disk.percent")}


def read_daily_indices(store: Store) -> list[str]:
    """The names of the daily indices of logs and spans."""
    path = f"/_cat/indices/{store.prefix}-logs-*,{store.prefix}-spans-*"
    rows = cast("Sequence[Mapping[str, Any]]", store.request("GET", path, params={"format": "json", "h": "index"}))
    return sorted(str(row["index"]) for row in rows)


def read_policy_days(store: Store) -> int | None:
    """After how many days the lifecycle policy deletes an index; None where there is no policy, or no plugin for it."""
    try:
        found = store.find("GET", f"/_plugins/_ism/policies/{store.prefix}-retention")
    except BadInputError:
        # without the plugin there is no such path at all
        return None
    transitions = [each for state in (found or {}).get("policy", {}).get("states", ()) for each in state.get("transitions", ())]
    ages = [str(each.get("conditions", {}).get("min_index_age") or "") for each in transitions]
    return next((int(age.removesuffix("d")) for age in ages if age.removesuffix("d").isdecimal()), None)


def read_dead_letters(store: Store) -> int:
    """How many dead letters there are."""
    found = store.find("GET", f"/{store.prefix}-dead-letters/_count")
    return int((found or {}).get("count", 0))


def read_overdue(store: Store, before: int) -> Overdue:
    """Lines and spans of before that are pending, and traces without a sign of life since that are not settled.

    Args:
        store: the OpenSearch to ask.
        before: milliseconds since the epoch.
    """
    lines, first = _count(store, f"{store.prefix}-logs-*,{store.prefix}-spans-*", {"trace.state": "pending"}, "@timestamp", before)
    traces, second = _count(store, f"{store.prefix}-traces", {"settled": False}, "lastSeenAt", before)
    return Overdue(lines=lines, traces=traces, example=first or second)


def _count(store: Store, index: str, term: Mapping[str, object], field: str, before: int) -> tuple[int, str]:
    old = {"range": {field: {"lt": before, "format": "epoch_millis"}}}
    # what names no trace is nobody's to look up
    query = {"bool": {"filter": [{"term": term}, old, {"exists": {"field": "traceId"}}]}}
    hits = store.search({"size": 1, "query": query, "track_total_hits": True, "_source": ["traceId"]}, index=index)["hits"]
    example = hits["hits"][0]["_source"].get("traceId", "") if hits["hits"] else ""
    return int(hits["total"]["value"]), str(example)
