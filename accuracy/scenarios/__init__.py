"""Scenarios: one module for each family of rules, and one of healthy traffic."""

from accuracy.scenario import Scenario, scenarios_of
from accuracy.scenarios import (
    asynchronous,
    downstream,
    durable,
    edge,
    functions,
    healthy,
    otel,
    otel_controls,
    payloads,
    platform,
    repetitions,
    throttling,
    unsampled,
)

_MODULES = (functions, asynchronous, downstream, throttling, edge, payloads, platform, unsampled, repetitions, otel, otel_controls, durable,
            healthy)  # fmt: skip

ALL: dict[str, Scenario] = {scenario.name: scenario for module in _MODULES for scenario in scenarios_of(module)}
"""All scenarios by name."""
