"""`python -m accuracy`: prints recall and precision of each rule, and how faults become issues; exit status 1 if a gate fails."""

import argparse
import sys
from collections.abc import Sequence

from accuracy.grouping.measure import measure_grouping
from accuracy.measure import BEGAN, case_of, measure
from accuracy.report import as_json, gates, table
from accuracy.scenarios import ALL
from accuracy.show import show
from pipeline.detect.rule import Rules, default_rules


def main(arguments: Sequence[str] | None = None, rules: Rules | None = None) -> int:
    """Measures and prints; returns the exit status. ``rules`` are the shipped ones if None."""
    parser = argparse.ArgumentParser(prog="python -m accuracy")
    parser.add_argument("--seed", type=int, default=1, help="which transactions to make up (default 1)")
    parser.add_argument("--transactions", type=int, default=10_000, metavar="N", help="how many (default 10000)")
    parser.add_argument(
        "--faults", type=int, default=20, metavar="N", help="of each cause, whose grouping is measured (default 20; 0: none)"
    )
    parser.add_argument("--scenario", choices=sorted(ALL), metavar="NAME", help="of this scenario alone; --list names them")
    parser.add_argument(
        "--show", action="store_true", help="with --scenario: print the one transaction of this seed, and what is found in it"
    )
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    rules = rules or default_rules()
    if options.list:
        print("\n".join(f"{name:<56} {scenario.description}" for name, scenario in ALL.items()))
        return 0
    named = [ALL[options.scenario]] if options.scenario else []
    if options.show:
        if not named:
            parser.error("--show needs --scenario")
        print(show(case_of(named[0], options.seed), rules))
        return 0
    tally = measure(options.seed, options.transactions, rules, named)
    grouping = measure_grouping(options.seed, options.faults, rules, BEGAN) if options.faults > 0 and not named else None
    print(as_json(tally, options.seed, grouping) if options.json else table(tally, options.seed, grouping))
    return 0 if all(gates(tally, grouping).values()) else 1


if __name__ == "__main__":
    sys.exit(main())
