"""The parts of the bench that speak HTTP: the sink, the functions before it, and the count of requests."""

import os

from bench.join.functions import local_functions
from bench.join.meters import Cost, counted_requests
from bench.join.sizes import measure_size
from bench.sink import sink
from pipeline.configure import store_for
from pipeline.settings import Settings


def test_a_sink_takes_what_ship_sends_and_the_environment_comes_back(monkeypatch):
    """The whole function runs against the sink, each batch new, and leaves no variable of its own behind."""
    monkeypatch.setenv("TRACEJOIN_PREFIX", "mine")
    before = dict(os.environ)
    with sink() as endpoint, local_functions(endpoint) as functions:
        cost = measure_size(50, functions, endpoint, rounds=1)
    assert dict(os.environ) == before
    assert cost.ship > cost.floor > 0
    assert cost.requests >= 1


def test_requests_to_others_are_counted_apart():
    """X-Ray's calls are not OpenSearch's, and a refresh that is asked for shows."""
    cost = Cost()
    with sink() as endpoint, sink() as other, counted_requests(endpoint, cost):
        mine, its = (store_for(Settings(endpoint=url)) for url in (endpoint, other))
        mine.refresh()
        mine.get_many([("i", "1")])
        its.refresh()
    assert (cost.requests.total(), cost.asked_refreshes, cost.elsewhere) == (2, 1, 1)
