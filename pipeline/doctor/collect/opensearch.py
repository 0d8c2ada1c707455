"""OpenSearch: reads its health and tracejoin's documents, all through `pipeline.store.client.Store`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from pipeline.configure import dashboards_for
from pipeline.errors import BadInputError, MisconfiguredError, TracejoinError
from pipeline.provision.desired_state import Change
from pipeline.provision.install import install
from pipeline.provision.saved_objects import install_saved_objects
from pipeline.search.read_records import pending_lines
from pipeline.settings import Settings
from pipeline.store.client import Store

_REFUSED = frozenset({401, 403})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """The response of OpenSearch to an empty search.

    Attributes:
        status: 200 where it works; 401 or 403 where it refuses; 0 where there is no response of its own; else the status of the response.
        text: the body of a refusal, or the error.
    """

    status: int = 200
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """The numbers of pending lines and spans and of unsettled traces after the last look-up, and one trace id of them."""

    lines: int = 0
    traces: int = 0
    example: str = ""


def reach(store: Store) -> Reached:
    """Makes an empty search: every kind of OpenSearch takes it, and both functions need that permission."""
    try:
        store.search({"size": 0})
    except MisconfiguredError as error:
        return Reached(status=error.status, text=error.answer if error.status in _REFUSED else str(error))
    except TracejoinError as error:
        # a block and a proxy's page have the status of a refusal, too
        return Reached(status=0 if error.status in _REFUSED else error.status, text=str(error))
    return Reached()


def read_changes(store: Store, retention_days: int) -> list[Change]:
    """The changes that `tracejoin setup` would make; monitors are left out, since they may be unwanted."""
    return install(store, retention_days=retention_days, monitors=False, check=True)


def read_saved_objects(settings: Settings) -> list[Change]:
    """The changes that `tracejoin setup` would make in Dashboards; one that is skipped where it does not answer."""
    return install_saved_objects(partial(dashboards_for, settings), settings.prefix, check=True)


def read_health(store: Store) -> Mapping[str, Any]:
    """The response of the cluster health API: `status` (green, yellow, red), `unassigned_shards` and more."""
    return store.request("GET", "/_cluster/health")


def read_disks(store: Store) -> dict[str, int]:
    """The percentage of the disk that is used, by node; without nodes that don't report it."""
    rows = cast("Sequence[Mapping[str, Any]]", store.request("GET", "/_cat/allocation", params={"format": "json"}))
    return {str(row.get("node")): int(float(row["disk.percent"])) for row in rows if row.get("disk.percent")}


def read_daily_indices(store: Store) -> list[str]:
    """The names of the daily indices of logs and spans, sorted."""
    path = f"/_cat/indices/{store.lines_and_spans}"
    rows = cast("Sequence[Mapping[str, Any]]", store.request("GET", path, params={"format": "json", "h": "index"}))
    return sorted(str(row["index"]) for row in rows)


def read_policy_days(store: Store) -> int | None:
    """The days after which the lifecycle policy deletes an index; None where there is no policy, or no plugin for it."""
    try:
        found = store.find("GET", f"/_plugins/_ism/policies/{store.prefix}-retention")
    except BadInputError:
        # the plugin is missing, and the path with it
        return None
    transitions = [each for state in (found or {}).get("policy", {}).get("states", ()) for each in state.get("transitions", ())]
    ages = [str(each.get("conditions", {}).get("min_index_age") or "") for each in transitions]
    return next((int(age.removesuffix("d")) for age in ages if age.removesuffix("d").isdecimal()), None)


def read_dead_letters(store: Store) -> int:
    """The number of dead letters."""
    found = store.find("GET", f"/{store.prefix}-dead-letters/_count")
    return int((found or {}).get("count", 0))


def read_overdue(store: Store, before: int) -> Overdue:
    """The pending lines and spans, and the unsettled traces, that are older than ``before`` (milliseconds since the epoch)."""
    lines, first = _count(store, store.lines_and_spans, pending_lines(store), "@timestamp", before)
    traces, second = _count(store, f"{store.prefix}-traces", {"term": {"settled": False}}, "lastSeenAt", before)
    return Overdue(lines=lines, traces=traces, example=first or second)


def _count(store: Store, index: str, clause: Mapping[str, object], field: str, before: int) -> tuple[int, str]:
    old = {"range": {field: {"lt": before, "format": "epoch_millis"}}}
    # a document without a trace id is never looked up
    query = {"bool": {"filter": [clause, old, {"exists": {"field": "traceId"}}]}}
    hits = store.search({"size": 1, "query": query, "track_total_hits": True, "_source": ["traceId"]}, index=index)["hits"]
    example = hits["hits"][0]["_source"].get("traceId", "") if hits["hits"] else ""
    return int(hits["total"]["value"]), str(example)
