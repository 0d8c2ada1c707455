"""The harness itself: the proxy does to requests what it says, and the comparison sees what differs."""

import uuid

import pytest
from isal import igzip

from chaos.comparison import compare
from chaos.conditions import Conditions
from chaos.faults import AFTER, BEFORE, FaultPlan
from chaos.proxy import proxy_before
from pipeline.configure import store_for
from pipeline.errors import UnavailableError
from pipeline.settings import Settings
from tests.support.stores import installed


@pytest.fixture
def behind(store):
    """Makes a store behind a proxy that injects one fault always."""
    from contextlib import contextmanager
    from urllib.parse import urlsplit

    @contextmanager
    def proxied(fault):
        conditions = Conditions()
        conditions["faults_on"] = 1
        parts = urlsplit(store.endpoint)
        with proxy_before([(parts.hostname, parts.port)], FaultPlan(1, 1.0, [fault]), conditions, 1) as proxy:
            yield store_for(Settings(endpoint=proxy.endpoint, prefix=store.prefix, region="eu-west-1")), proxy

    return proxied


def created(store, id_):
    """Creates a trace document by bulk."""
    body = b'{"create":{"_index":"%s-traces","_id":"%s"}}\n{"traceId":"x"}\n' % (store.prefix.encode(), id_.encode())
    return store.bulk(igzip.compress(body, 1))


@pytest.mark.parametrize("fault", [fault for fault in (*BEFORE, *AFTER) if fault != "slow"])
def test_a_fault_fails_the_request_before_or_after_it_was_carried_out(behind, store, fault):
    """Whatever comes in place of an answer is an UnavailableError; of the request itself OpenSearch sees nothing, or all."""
    with behind(fault) as (faulty, proxy):
        with pytest.raises(UnavailableError):
            created(faulty, "one")
        assert proxy.injected()[fault] == proxy.requests == 1
    (hit,) = store.get_many([(f"{store.prefix}-traces", "one")])
    assert (hit is not None) == (fault in AFTER)


def test_a_slow_answer_is_an_answer(behind):
    """It only comes later."""
    with behind("slow") as (faulty, proxy):
        assert created(faulty, "one")[0].ok
        assert proxy.injected()["slow"] == 1


def test_some_items_are_refused_and_the_others_written(behind, store):
    """Each item has its own status, and those with 429 are not there."""
    with behind("items 429") as (faulty, _):
        lines = [
            line
            for number in range(40)
            for line in ({"create": {"_index": f"{store.prefix}-traces", "_id": str(number)}}, {"traceId": "x"})
        ]
        results = faulty.write(lines)
    found = store.get_many([(f"{store.prefix}-traces", str(number)) for number in range(40)])
    assert [result.status for result in results] == [201 if hit else 429 for hit in found]
    assert 0 < sum(result.retryable for result in results) < 40


def test_the_comparison_finds_every_kind_of_difference(store, settings):
    """A missing document, one too many, and a field that differs, each with its place; and nothing else."""
    other = Settings(endpoint=settings.endpoint, prefix=f"t{uuid.uuid4().hex[:10]}", region="eu-west-1")
    with installed(other) as disturbed:
        for each, content in ((store, {"same": 1, "differs": 1, "missing": 1}), (disturbed, {"same": 1, "differs": 2, "extra": 1})):
            lines = [
                line
                for id_, value in content.items()
                for line in (
                    {"create": {"_index": f"{each.prefix}-traces", "_id": id_}},
                    {"trace": {"version": 1 + (each is store), "state": str(value)}, "@timestamp": "2026-11-24T10:00:00Z"},
                )
            ]
            assert all(result.ok for result in each.write(lines))
        found = compare(store, disturbed)
    assert found.compared["traces"] == 3
    assert found.found == {"traces: a document too many": 1, "traces: a document is missing": 1, "traces: trace.state": 1}
    assert 'calm "1", disturbed "2"' in found.examples["traces: trace.state"]
