"""Campaign: hands made-up inputs to a target, one for each seed, and keeps the first input of each kind of failure."""

import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

import msgspec

from fuzz.cost import Cost, cost_of, growth_of
from fuzz.memory import Memory
from fuzz.minimise import minimised
from fuzz.target import Input, Target, Violation

_ROOT: Final = Path(__file__).parents[1]
_SAMPLES: Final = 40
_MOST_KINDS: Final = 20


class Failure(msgspec.Struct, frozen=True):
    """A kind of failure: its exception, the place where it arose, the first seed, and its input made small."""

    kind: str
    seed: int
    given: Input
    number: int = 1


class Result(msgspec.Struct):
    """What a campaign against one target showed.

    Attributes:
        inputs: how many inputs were made.
        refused: how many of them ended with an exception that is documented.
        seconds: of CPU time.
        failures: by kind.
        median_cost: nanoseconds for each character, the middle of all probes.
        dearest: the probe with the most.
        too_dear: the probes that grow faster than their length, by seed.
    """

    name: str
    inputs: int = 0
    refused: int = 0
    seconds: float = 0.0
    failures: dict[str, Failure] = {}
    probes: int = 0
    median_cost: float = 0.0
    dearest: Cost | None = None
    too_dear: dict[int, Cost] = {}
    memory: Memory = msgspec.field(default_factory=Memory)

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.failures and not self.too_dear and self.memory.flat


def input_of(target: Target, seed: int) -> Input:
    """The input of a seed."""
    return target.make(Random(f"{target.name} {seed}"))


def failure_of(target: Target, given: Input) -> str:
    """The kind of failure that an input causes; empty if it causes none."""
    try:
        target.check(given)
    except target.documented:
        return ""
    except Violation as violation:
        return f"Violation: {violation}"
    except Exception as error:  # noqa: BLE001  # whatever escapes is what is looked for
        return f"{type(error).__name__} in {_place(error)}"
    return ""


def run(target: Target, seeds: Iterable[int], *, total: int, until: float = float("inf")) -> Result:
    """Hands the input of each seed to the target.

    Args:
        target: the part of the pipeline.
        seeds: of the inputs.
        total: how many these are; memory is sampled forty times over them, and over the time.
        until: the wall clock, in seconds since the epoch, at which it ends early.
    """
    result = Result(target.name)
    begun = time.process_time()
    every, pace = max(total // _SAMPLES, 1), (until - time.time()) / _SAMPLES
    next_sample = 0.0
    for seed in seeds:
        now = time.time()
        if now > until:
            break
        if result.inputs % every == 0 or now > next_sample:
            result.memory.sample()
            next_sample = now + pace
        result.inputs += 1
        _try(target, seed, result)
    result.seconds = time.process_time() - begun
    return result


def probe(target: Target, seeds: Iterable[int], result: Result) -> None:
    """Measures the growth of a text for each seed, and adds it to ``result``."""
    costs = {seed: cost_of(target, growth_of(target, Random(f"growth {target.name} {seed}"))) for seed in seeds}
    result.probes = len(costs)
    if costs:
        result.median_cost = median(cost.per_character for cost in costs.values())
        result.dearest = max(costs.values(), key=lambda cost: cost.per_character)
        result.too_dear = {seed: cost for seed, cost in costs.items() if cost.too_dear}


def _try(target: Target, seed: int, result: Result) -> None:
    given = input_of(target, seed)
    try:
        target.check(given)
    except target.documented:
        result.refused += 1
    except Exception:  # noqa: BLE001  # as in `failure_of`
        kind = failure_of(target, given)
        known = result.failures.get(kind)
        if known:
            result.failures[kind] = msgspec.structs.replace(known, number=known.number + 1)
        elif kind and len(result.failures) < _MOST_KINDS:
            small = minimised(given, lambda smaller: failure_of(target, smaller) == kind)
            result.failures[kind] = Failure(kind, seed, small)


def _place(error: Exception) -> str:
    """Where in this repository an exception arose, as a file and a function: lines move."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(_ROOT)]
    ours = [frame for frame in frames if ".venv" not in frame.filename]
    return f"{Path(ours[-1].filename).relative_to(_ROOT)}, {ours[-1].name}" if ours else "a library"
