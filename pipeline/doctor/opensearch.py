"""OpenSearch: checks its access, health, disks, templates, old indices, dead letters and overdue documents."""

import re
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from pipeline.doctor.access_denied import explain_denial
from pipeline.doctor.account import Account
from pipeline.doctor.check import Check
from pipeline.doctor.check_result import CheckResult, fine, problem, unknown, warning
from pipeline.doctor.collect import opensearch as read
from pipeline.doctor.shell_commands import curl, is_serverless, setup
from pipeline.provision.desired_state import Change
from pipeline.search.pipeline_health import PATIENCE
from pipeline.settings import Settings
from pipeline.store.serverless import ServerlessStore

_DAY: Final = re.compile(r".*-(?:logs|spans)-(\d{4})\.(\d{2})\.(\d{2})")
# OpenSearch's default watermarks: no new shards, shards move away, no writes (cluster.routing.allocation.disk.watermark)
_LOW: Final = 85
_HIGH: Final = 90
_FLOOD: Final = 95
_OK: Final = 200
# an index may be created a day before its own, and the policy runs only now and then
_SLACK: Final = timedelta(days=2)


def reached(endpoint: str, response: read.Reached, region: str) -> Iterator[CheckResult]:
    """Reports an OpenSearch that does not respond, or the access check that rejected the request."""
    if response.status == _OK:
        return
    if response.status in {401, 403}:
        denial = explain_denial(endpoint, response.status, response.text, region)
        message = f"it refuses this command ({response.status}); by its answer it is {denial.cause}: {response.text[:200]}"
        yield problem(endpoint, message, denial.remedy)
        return
    remedy = f"Check that it runs and that this machine may reach it (a domain in a VPC only from inside): curl -i {shlex.quote(endpoint)}"
    yield problem(endpoint, response.text, remedy)


def templates(endpoint: str, changes: Sequence[Change], settings: Settings) -> Iterator[CheckResult]:
    """Reports what `tracejoin setup` would create or update, but for the policy, which has its own check; and foreign mappings."""
    for change in changes:
        if change.action == "foreign":
            remedy = f"{curl(endpoint, settings, f'/{change.name}', 'DELETE')} && {setup(endpoint, settings)}"
            yield problem(change.name, change.reason, remedy)
        if change.kind != "policy" and change.action in {"created", "updated"}:
            missing = change.action == "created"
            message = f"the {change.kind} is missing" if missing else f"the {change.kind} is not the one of this version"
            yield (problem if missing else warning)(change.name, message, setup(endpoint, settings))


def health(cluster: Mapping[str, Any], endpoint: str, settings: Settings) -> Iterator[CheckResult]:
    """Reports missing shards, from the response of the cluster health API."""
    status, unassigned = cluster.get("status"), cluster.get("unassigned_shards", 0)
    name = str(cluster.get("cluster_name") or endpoint)
    explain = curl(endpoint, settings, "/_cluster/allocation/explain?pretty")
    if status == "red":
        message = f"the cluster {name} is red: {unassigned} shards are not there, and what is in them can be neither written nor found"
        yield problem(name, message, f"Find out why: {explain}")
    elif status == "yellow":
        message = f"the cluster {name} is yellow: {unassigned} copies of shards have no node, so that losing one loses data"
        yield warning(name, message, f"Add a node, or set number_of_replicas to 0; what is missing: {explain}")


def disks(used: Mapping[str, int]) -> Iterator[CheckResult]:
    """Reports nodes at a disk watermark; ``used`` holds the percentage of the disk used, by node."""
    for node, percent in used.items():
        if percent >= _LOW:
            what = (
                "takes no more writes" if percent >= _FLOOD else "loses its shards to others" if percent >= _HIGH else "gets no new shards"
            )
            message = (
                f"its disk is {percent} % full: at {_LOW} % a node gets no new shards, at {_FLOOD} % writes are refused; now it {what}"
            )
            make = problem if percent >= _HIGH else warning
            yield make(node, message, "Give the cluster more storage, or keep less: the parameter RetentionDays, then `tracejoin setup`.")


def old_indices(names: Sequence[str], settings: Settings, today: date, endpoint: str) -> Iterator[CheckResult]:
    """Warns of daily indices that are older than the retention."""
    oldest = today - timedelta(days=settings.retention_days) - _SLACK
    old = [name for name in names if (day := _day(name)) and day < oldest]
    if old:
        message = f"{len(old)} daily indices are older than the retention of {settings.retention_days} days, the oldest is {old[0]}"
        command = curl(endpoint, settings, f"/{old[0]}", "DELETE")
        remedy = f"Install the lifecycle policy with {setup(endpoint, settings)}, or delete them yourself: {command}"
        yield warning(old[0], message, remedy)


def dead_letters(count: int, settings: Settings, endpoint: str) -> Iterator[CheckResult]:
    """Warns of dead letters; ``count`` is their number."""
    index = f"{settings.prefix}-dead-letters"
    if count:
        command = curl(endpoint, settings, f"/{index}/_search?sort=@timestamp:desc&_source=@timestamp,reason,aws&size=10&pretty")
        yield warning(index, f"{count} events could not be indexed; each is there with its reason", command)


def overdue(found: read.Overdue, endpoint: str, stack: str) -> Iterator[CheckResult]:
    """Reports documents and traces that are pending after their last look-up: the sweep does not work."""
    if not found.lines and not found.traces:
        return
    message = (
        f"{found.lines} lines and spans are pending and {found.traces} traces are not settled after their last look-up and"
        f" {PATIENCE // 60} minutes more, such as {found.example}: the sweep does not run, or gets nowhere"
    )
    log = f"Find out why (aws logs tail /aws/lambda/{stack}-resolve --since 1h), and run it by hand" if stack else "Run it"
    yield problem(found.example, message, f"{log}: tracejoin resolve --endpoint {shlex.quote(endpoint)}")


def dashboards(changes: Sequence[Change], endpoint: str, settings: Settings) -> Iterator[CheckResult]:
    """Warns of index patterns and dashboards that Dashboards lacks, or has of another version; says so where it can't be asked."""
    missing = [change.name for change in changes if change.action == "created"]
    other = [change.name for change in changes if change.action == "updated"]
    for change in changes:
        if change.action == "skipped":
            yield unknown(f"Dashboards: {change.name}", change.reason)
    if missing:
        message = f"{len(missing)} of {len(changes)} index patterns, searches and dashboards are not there, such as {missing[0]}"
        yield warning("Dashboards", message, setup(endpoint, settings))
    if other:
        message = (
            f"{len(other)} of {len(changes)} index patterns, searches and dashboards are not those of this version, such as {other[0]}"
        )
        yield warning("Dashboards", message, setup(endpoint, settings))


def _day(name: str) -> date | None:
    match = _DAY.fullmatch(name)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def _look_health(it: Account) -> Iterator[CheckResult]:
    endpoint = it.open_store().endpoint
    if is_serverless(endpoint):
        yield fine(endpoint, "OpenSearch Serverless: AWS looks after its shards and disks")
        return
    yield from health(read.read_health(it.store()), endpoint, it.settings())


def _look_disks(it: Account) -> Iterator[CheckResult]:
    if not is_serverless(it.open_store().endpoint):
        used = read.read_disks(it.store())
        yield from disks(used) if used else [unknown(it.store().endpoint, "it does not say how full its disks are")]


def _look_old(it: Account) -> Iterator[CheckResult]:
    if is_serverless(it.open_store().endpoint):
        yield unknown(it.store().endpoint, ServerlessStore.capabilities.absent["policy"])
        return
    yield from old_indices(read.read_daily_indices(it.store()), it.settings(), datetime.now(UTC).date(), it.store().endpoint)


def _look_overdue(it: Account) -> Iterator[CheckResult]:
    # the delays of all look-ups add up
    before = time.time() - sum(it.settings().lookup_delays) - PATIENCE
    stack = it.name if it.found_stack_or_none() else ""
    yield from overdue(read.read_overdue(it.installed_store(), int(before * 1000)), it.store().endpoint, stack)


CHECKS: Final = (
    Check("opensearch-access", "OpenSearch answers, and lets this command in.",
          lambda it: reached(it.store().endpoint, it.reached(), it.region)),
    Check("opensearch-templates", "Templates and indices are those of this version.",
          lambda it: templates(it.store().endpoint, it.changes(), it.settings())),
    Check("opensearch-dashboards", "Dashboards has the dashboards of this version.",
          lambda it: dashboards(it.saved_objects(), it.store().endpoint, it.settings())),
    Check("opensearch-health", "The cluster is green.", _look_health),
    Check("opensearch-disk", "No node is near a disk watermark.", _look_disks),
    Check("opensearch-old-indices", "No daily index is older than the retention.", _look_old),
    Check("opensearch-dead-letters", "There are no dead letters.",
          lambda it: dead_letters(read.read_dead_letters(it.installed_store()), it.settings(), it.store().endpoint)),
    Check("opensearch-overdue", "Nothing is pending or unsettled after its last look-up.", _look_overdue),
)  # fmt: skip
