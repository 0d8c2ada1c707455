"""`python -m fuzz`: hands made-up inputs to the pipeline, and prints what must not happen; exit status 1 if anything did.

`python -m fuzz TARGET --seed N` repeats one input, and with `--growth` one probe of cost. The seeds of a run are `--first` and those
after it, so that the same command makes the same inputs.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from fuzz import campaign
from fuzz.corpus import corpus_of
from fuzz.cost import cost_of, growth_of
from fuzz.minimise import minimised
from fuzz.registry import targets_of
from fuzz.report import case_of, case_of_growth, findings, table
from fuzz.target import Target


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a campaign, or one input again; returns the exit status."""
    options = _parser().parse_args(arguments)
    targets = targets_of(corpus_of(options.corpus))
    if unknown := set(options.targets) - set(targets):
        print(f"there is no target {', '.join(sorted(unknown))}: there is {', '.join(targets)}", file=sys.stderr)
        return 2
    chosen = [targets[name] for name in options.targets or targets]
    if options.seed is None:
        return _campaign(chosen, options)
    again = _growth_again if options.growth else _again
    return max(again(target, options.seed) for target in chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="which parts of the pipeline (default: all)")
    parser.add_argument("--inputs", type=int, default=50_000, metavar="N", help="how many inputs for each target (default 50000)")
    parser.add_argument(
        "--probes", type=int, default=100, metavar="N", help="for how many texts the growth of cost is measured (default 100)"
    )
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the first seed (default 0)")
    parser.add_argument("--minutes", type=float, default=float("inf"), metavar="M", help="end after so many minutes, shared by the targets")
    parser.add_argument(
        "--corpus", type=Path, action="append", default=[], metavar="FOLDER", help="begin with the files of this folder, too"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="instead, repeat this one input")
    parser.add_argument("--growth", action="store_true", help="with --seed: repeat this probe of cost")
    return parser


def _campaign(targets: Sequence[Target], options: argparse.Namespace) -> int:
    results = []
    for target in targets:
        until = time.time() + options.minutes * 60 / len(targets)
        result = campaign.run(target, range(options.first, options.first + options.inputs), total=options.inputs, until=until)
        campaign.probe(target, range(options.first, options.first + options.probes), result)
        results.append(result)
        for finding in findings(result, options.corpus):
            print(finding, file=sys.stderr, flush=True)
    print(table(results))
    print(f"{sum(result.inputs for result in results):,} inputs")
    return 0 if all(result.ok for result in results) else 1


def _again(target: Target, seed: int) -> int:
    """Repeats an input, and prints it with how it fails, made small."""
    given = campaign.input_of(target, seed)
    kind = campaign.failure_of(target, given)
    if not kind:
        print(json.dumps(given))
        print(f"{target.name}: nothing fails")
        return 0
    print(case_of(target.name, minimised(given, lambda smaller: campaign.failure_of(target, smaller) == kind)))
    print(f"{target.name}: {kind}")
    return 1


def _growth_again(target: Target, seed: int) -> int:
    """Repeats a probe, and prints its text and cost."""
    cost = cost_of(target, growth_of(target, Random(f"growth {target.name} {seed}")))
    print(case_of_growth(target.name, cost))
    print(f"{target.name}: {cost.per_character:,.0f} ns a character, {cost.ratio:.1f} times as much at four times the length")
    return int(cost.too_dear)


if __name__ == "__main__":
    sys.exit(main())
