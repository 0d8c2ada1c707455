"""`python -m chaos`: holds tracejoin under faults against a calm run; exit status 1 at any difference."""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from typing import get_args

from chaos.experiment import Plan, Result, experiment
from chaos.report import table
from chaos.servers import ServerKind, servers
from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.settings import EnrichLines

_LARGEST_ROUND = 50_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the rounds and prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m chaos")
    parser.add_argument("--events", type=int, default=20_000, metavar="N", help="how many log events (default 20000)")
    parser.add_argument("--round", type=int, default=_LARGEST_ROUND, metavar="N", help=f"of one round at most (default {_LARGEST_ROUND})")
    parser.add_argument("--seed", type=int, default=1, help="of the first round; the next one's is one more (default 1)")
    parser.add_argument("--minutes", type=float, default=0, metavar="M", help="go on with further rounds until so many minutes are over")
    parser.add_argument("--opensearch", choices=get_args(ServerKind), default="real", help="where to (default real)")
    parser.add_argument("--workers", type=int, default=3, help="how many at once (default 3)")
    parser.add_argument("--faults", type=float, default=0.08, metavar="SHARE", help="of the requests that meet a fault (default 0.08)")
    parser.add_argument("--slow", type=float, default=0, metavar="SECONDS", help="how late each answer of OpenSearch is (default 0)")
    parser.add_argument("--full-disk", action="store_true", help="let OpenSearch's disk fill up, too")
    parser.add_argument("--lines", choices=get_args(EnrichLines), default="all", help="that the disturbed run writes again (default all)")
    options = parser.parse_args(arguments)
    # so that servers are stopped, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began, results, left = time.monotonic(), list[Result](), options.events
    try:
        with servers(options.opensearch) as nodes:
            while left > 0 or time.monotonic() - began < options.minutes * 60:
                events = min(left if left > 0 else options.events, options.round)
                plan = Plan(seed=options.seed + len(results), events=events, workers=options.workers, share=options.faults,
                            kind=options.opensearch, slow=options.slow, full_disk=options.full_disk, lines=options.lines)  # fmt: skip
                results.append(experiment(plan, nodes, lambda text: print(text, file=sys.stderr, flush=True)))
                left -= events
    except (MisconfiguredError, UnavailableError) as error:
        print(error, file=sys.stderr)
        return 1
    print(table(results))
    return 1 if any(result.problems for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
