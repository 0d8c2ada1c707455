"""`python -m bench.real`: records lines of AWS' own runtime clients, ships them in several orders, and prints how many are right."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.real.clients import CLIENTS, Client, NotAvailableError
from bench.real.comparison import Problem, legend, problems_as_text
from bench.real.orders import Order, differences, ship_in_order
from bench.real.record import record, settings_of
from bench.truth import LogStream

_SEEDS = (1, 2, 3)


def main() -> int:
    """Records, ships and prints; returns 1 if something misses its target, or a runtime that was asked for cannot be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.real")
    parser.add_argument("--runtime", action="append", choices=sorted(CLIENTS), help="only this one, which must be there; repeatable")
    parser.add_argument("--rounds", type=int, default=3, help="how often each kind of line is written in each setting (default 3)")
    parser.add_argument("--quick", action="store_true", help="one shuffled order beside the order of writing, instead of three")
    parser.add_argument("--report", type=Path, help="a file for everything that is wrong, with an example of each kind")
    options = parser.parse_args()
    clients = dict(_available(options.runtime or list(CLIENTS)))
    if not clients or any(name not in clients for name in options.runtime or ()):
        return 1
    streams = list(_record(clients, options.rounds))
    orders: list[Order] = []
    for seed in (0, *_SEEDS[: 1 if options.quick else None]):
        orders.append(ship_in_order(streams, seed))
        print(f"{_title(streams, orders[-1])}\n{orders[-1].comparison.table(kinds=not seed)}\n", flush=True)
    unlike = differences(streams, orders)
    print(f"{legend()}\n\n{len(unlike)} lines end differently in another order")
    if options.report:
        options.report.write_text(_report(streams, orders, unlike))
    return int(bool(unlike) or any(order.unsettled or not order.comparison.passed for order in orders))


def _available(names: list[str]) -> Iterator[tuple[str, Client]]:
    for name in names:
        try:
            yield name, CLIENTS[name]()
        except NotAvailableError as error:
            print(f"{name}: not measured: {error}", file=sys.stderr)


def _record(clients: dict[str, Client], rounds: int) -> Iterator[LogStream]:
    for number, client in enumerate(clients.values()):
        for place, setting in enumerate(settings_of(client)):
            yield record(client, setting, rounds, 100 * number + place)


def _title(streams: list[LogStream], order: Order) -> str:
    lines = sum(len(stream.lines) for stream in streams)
    return f"{lines} lines of AWS' own runtime clients, {order.name}; traces left unsettled: {order.unsettled}"


def _report(streams: list[LogStream], orders: list[Order], unlike: list[Problem]) -> str:
    problems: dict[tuple[str, str, str], list[Problem]] = {}
    for problem in unlike:
        problems.setdefault((problem.what, problem.runtime, problem.kind), []).append(problem)
    for order in orders:
        for kind, found in order.comparison.problems.items():
            problems.setdefault(kind, found)
    tables = [f"## {_title(streams, order)}\n\n```\n{order.comparison.table(kinds=False)}\n```\n" for order in orders]
    return "\n".join(
        ["# Lines that real runtimes wrote\n", *tables, legend(), "\n## What is wrong, by kind\n", *problems_as_text(problems)]
    )


if __name__ == "__main__":
    sys.exit(main())
