"""Experiment: one round: a world, a calm run, a disturbed run, and what is different afterwards."""

import gc
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chaos.checks import Told, read_told_file, sent_alerts, stored
from chaos.comparison import Differences, compare
from chaos.conditions import Conditions
from chaos.damage import Damage
from chaos.disasters import ALL, NEED_A_PROCESS, Disaster, disasters_of
from chaos.faults import Fault, FaultPlan
from chaos.proxy import proxy_before
from chaos.run import Run, Tally
from chaos.servers import Node, ServerKind
from chaos.worker import Site
from chaos.world import EARLIER, World, make_world
from pipeline.configure import store_for
from pipeline.provision.install import install
from pipeline.settings import EnrichLines, Settings
from pipeline.store.client import Store

_EVENTS_PER_DISASTER: Final = 10_000
_LONGEST_EXAMPLE: Final = 3000
_SINCE_THE_LINES: Final = 60.0
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is tried.

    Attributes:
        seed: of the world and of all that goes wrong.
        events: log events.
        workers: of the disturbed run.
        share: of the requests that meet a fault.
        slow: seconds that each answer of OpenSearch is late.
        full_disk: whether OpenSearch's disk fills up, too.
        lines: which lines the disturbed run writes again (`Settings.enrich_lines`); the calm one writes all.
    """

    seed: int
    events: int
    workers: int
    share: float
    kind: ServerKind
    slow: float = 0
    full_disk: bool = False
    lines: EnrichLines = "all"


@dataclass(slots=True)
class Result:
    """What a round gave."""

    plan: Plan
    log_events: int
    requests: int = 0
    injected: dict[Fault, int] = field(default_factory=dict)
    calm: Tally = field(default_factory=Tally)
    disturbed: Tally = field(default_factory=Tally)
    lost_hints: int = 0
    doubled_hints: int = 0
    told: Told = field(default_factory=Told)
    differences: Differences = field(default_factory=Differences)
    problems: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def blame(self, what: str, number: int, example: object = "") -> None:
        """Counts a broken promise, if there is any."""
        if number:
            self.problems[what] += number
            self.examples.setdefault(what, str(example)[:_LONGEST_EXAMPLE])


def experiment(plan: Plan, nodes: list[Node], progress: Progress) -> Result:
    """Does one round on these nodes, and removes its documents afterwards."""
    world = make_world(plan.seed, plan.events, int(time.time() * 1000))
    gc.freeze()
    result = Result(plan, world.log_events)
    with (
        tempfile.TemporaryDirectory(prefix="tracejoin-chaos-told-") as folder,
        _store(nodes, "calm") as calm,
        _store(nodes, "chaos") as store,
    ):
        progress(f"seed {plan.seed}: {world.log_events:,} log events in {len(world.events):,} invocations; calm run")
        told = Path(folder, "calm")
        run = _run(_site(world, calm, told, faulty=False), calm, nodes, plan, [])
        result.blame("calm run: open work", (left := run.drive()).total(), dict(left))
        result.calm = run.tally
        progress(f"seed {plan.seed}: calm run took {run.tally.seconds:.0f} s; disturbed run")
        _disturb(world, store, nodes, plan, Path(folder, "disturbed"), result)
        progress(f"seed {plan.seed}: disturbed run took {result.disturbed.seconds:.0f} s; comparing")
        result.differences = compare(calm, store)
        _judge(result, calm, store)
    return result


def _disturb(world: World, store: Store, nodes: list[Node], plan: Plan, told: Path, result: Result) -> None:
    site = _site(world, store, told, faulty=True)
    site.conditions["faults_on"] = 1
    kinds = [kind for kind in ALL if nodes[0].command or kind not in NEED_A_PROCESS]
    kinds += ["disk full"] if plan.full_disk and nodes[0].command else []
    site.conditions["always_slow"] = plan.slow
    disasters = disasters_of(plan.seed, kinds, times=max(round(plan.events / _EVENTS_PER_DISASTER), 1))
    faults = FaultPlan(plan.seed, plan.share)
    with proxy_before([node.address for node in nodes], faults, site.conditions, plan.seed) as proxy:
        own = dict(site.environment) | {"TRACEJOIN_ENDPOINT": proxy.endpoint, "TRACEJOIN_ENRICH_LINES": plan.lines}
        site = Site(world=world, conditions=site.conditions, environment=own, told=told, faulty=True)
        run = _run(site, store, nodes, plan, disasters)
        left = run.drive()
        failed = [error for what, error in run.tally.examples.items() if what.startswith("sweep")]
        result.blame("open work", left.total(), ": ".join([str(dict(left)), *failed, *filter(None, [proxy.complaints()])]))
        result.requests, result.injected = proxy.requests, proxy.injected()
    result.disturbed = run.tally
    result.lost_hints, result.doubled_hints = run.deliveries.lost, run.deliveries.doubled
    result.told = read_told_file(told)


def _judge(result: Result, calm: Store, store: Store) -> None:
    """Adds every broken promise to the result."""
    tally, told = result.disturbed, result.told
    for what, number in result.differences.found.items():
        result.blame(what, number, result.differences.examples[what])
    for prefix, each in (("", tally), ("calm run: ", result.calm)):
        result.blame(f"{prefix}ledgers that do not add up", len(each.bad_ledgers), each.bad_ledgers[:1])
        result.blame(f"{prefix}dead letters", each.dead_lettered + each.aside)
        for what, number in each.escaped.items():
            result.blame(f"{prefix}escaped errors: {what}", number, each.examples[what])
    result.blame("log documents beside the log events", abs(stored(store, "logs-*") - result.log_events), stored(store, "logs-*"))
    result.blame("alerts told twice", len(told.twice), list(told.twice.items())[:1])
    untold = [alert for alert in sent_alerts(store) | sent_alerts(calm) if alert not in told.alerts]
    result.blame("alerts not told", len(untold), untold[:1])


def _run(site: Site, store: Store, nodes: list[Node], plan: Plan, disasters: list[Disaster]) -> Run:
    damage = Damage(nodes, store, site.conditions, plan.seed)
    return Run(site, store, seed=plan.seed, workers=plan.workers if site.faulty else 1, disasters=disasters, damage=damage)


def _site(world: World, store: Store, told: Path, *, faulty: bool) -> Site:
    conditions = Conditions()
    conditions.calm()
    # the workers live at the time of the lines: long after them X-Ray is not asked twice
    conditions["clock_offset"] = _SINCE_THE_LINES - EARLIER / 1000
    environment = {
        "TRACEJOIN_ENDPOINT": store.endpoint, "TRACEJOIN_PREFIX": store.prefix, "TRACEJOIN_QUEUE_URL": "https://sqs.example/hints",
        "TRACEJOIN_DEAD_LETTERS_URL": "https://sqs.example/dead-letters", "TRACEJOIN_LOOKUPS_PER_MINUTE": "1000000",
        "TRACEJOIN_ALERT_TOPIC": "arn:aws:sns:eu-west-1:123456789012:alerts", "POWERTOOLS_TRACE_DISABLED": "true",
        # each trace is told, so that each can be held against the calm run
        "TRACEJOIN_ALERT_PER": "trace",
    }  # fmt: skip
    return Site(world=world, conditions=conditions, environment=environment, told=told, faulty=faulty)


@contextmanager
def _store(nodes: list[Node], prefix: str) -> Iterator[Store]:
    """A connection with everything installed under a prefix; its documents are removed afterwards."""
    store = store_for(Settings(endpoint=nodes[0].endpoint, prefix=prefix, region="eu-west-1"))
    _remove(store)
    install(store, retention_days=14, monitors=False)
    try:
        yield store
    finally:
        _remove(store)
        store.close()


def _remove(store: Store) -> None:
    store.find("DELETE", f"/{store.prefix}-*")
