"""The measure takes a short cut past OpenSearch; here the same transactions go the whole way."""

import random

from accuracy.disturbances import DISTURBANCES
from accuracy.evaluation import facts_of_transaction, hits_of, verdict_on
from accuracy.measure import case_of
from accuracy.scenarios import ALL
from pipeline.detect.rule import default_rules
from pipeline.local.aws_spans import subscription_event
from pipeline.resolve import Resolver
from pipeline.ship import ship
from tests.support.events import NOW
from tests.support.world import Visible

BEGAN = NOW - 7_200_000
SEED = 5
SWEEPS = 20
SPANS = 50


def batches_of(case, rng):
    """The subscription documents of a case, each stream cut in two."""
    for stream in case.transaction.streams.values():
        batch = stream.batch()
        cut = rng.randint(0, len(batch["logEvents"]))
        for events in (batch["logEvents"][:cut], batch["logEvents"][cut:]):
            if events:
                yield batch | {"logEvents": events}


def has_come(case):
    """Whether a line leads to the trace, as `resolve` looks up what lines name; or a span of `aws/spans`, which is one by itself."""
    return case.transaction.of_spans or any(hit.source.get("traceId") == case.transaction.trace_id for hit in hits_of(case.transaction))


def loudness(findings):
    """Which rules fired, and how loudly."""
    return sorted({(finding["rule"], finding["severity"]) for finding in findings})


def test_what_is_stored_is_what_the_measure_judges(store, settings):
    """Each scenario once, shipped in shuffled halves of its streams and resolved: the stored findings are those of the short cut."""
    rng = random.Random(SEED)
    cases = [case for scenario in ALL.values() if has_come(case := case_of(scenario, SEED, BEGAN))]
    source = Visible()
    documents = [document for case in cases for document in case.transaction.documents]
    source.documents = [document for document in documents if "trace_id" in document]
    spans = [document for document in documents if "traceId" in document]
    rng.shuffle(spans)
    events = [batch for case in cases for batch in batches_of(case, rng)]
    # those of OpenTelemetry come by themselves
    events += [subscription_event(spans[start : start + SPANS], at=BEGAN) for start in range(0, len(spans), SPANS)]
    rng.shuffle(events)
    for event in events:
        ship(event, store=store, settings=settings, remaining=lambda: 60.0)
    worker = Resolver(store=store, source=source, settings=settings, clock=lambda: BEGAN / 1000 + 3600)
    for _ in range(SWEEPS):
        if not worker.sweep(force=True).unsettled:
            break
    stored = store.get_many([(f"{store.prefix}-traces", case.transaction.trace_id) for case in cases])
    direct = {str(case): verdict_on(facts_of_transaction(case.transaction), default_rules()) for case in cases}
    expected = {name: sorted({(finding.rule, finding.severity) for finding in verdict.findings}) for name, verdict in direct.items()}
    found = {str(case): loudness(hit.source.get("findings", ())) for case, hit in zip(cases, stored, strict=True)}
    assert found == expected
    assert {case.disturbance.name for case in cases} == {disturbance.name for disturbance in DISTURBANCES}
