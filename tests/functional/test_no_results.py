"""Where a search finds nothing: what is said about it, and what a person can do."""

import pytest

from pipeline.resolve import Resolver
from pipeline.search.no_results import explain_no_results
from pipeline.search.query import SearchQuery
from pipeline.search.search import search
from tests.support.documents import XRAY, indexed, line, put
from tests.support.events import NOW, OTHER, Traces, lambda_event, powertools, report


def told(question, store, now=NOW / 1000):
    """The advice as one text; the question must indeed find nothing."""
    assert search(question, store) == []
    sentences = explain_no_results(question, store, delays=(10, 30, 120), now=now)
    assert all(len(sentence.splitlines()) == 1 for sentence in sentences)
    return "\n".join(sentences)


def test_advice_on_an_empty_index(store):
    """Nothing at all: set up and ship."""
    assert "run `tracejoin setup`, then `tracejoin ship`" in told(SearchQuery(ids=("c-9",), whole=True), store)


def test_advice_on_unknown_ids(orders):
    """It is said that nothing is known of them, and that lines take seconds; in a form that can be copied."""
    said = told(SearchQuery(ids=("nobody", "f" * 32), whole=True), orders)
    assert "nothing is known of nobody, 1-ffffffff-ffffffffffffffffffffffff:" in said
    assert "within seconds" in said


@pytest.mark.opensearch
def test_advice_names_the_filter_to_drop(orders):
    """How many documents the ids have, and which filter would let how many of them through."""
    assert "these ids have 3 lines and spans, but --level excludes all of them" in told(
        SearchQuery(ids=("c-9",), whole=True, level="fatal"), orders
    )
    said = told(SearchQuery(ids=("c-9",), whole=True, service="nobody", text="paid"), orders)
    assert "found would be without --service 1: drop" in said
    assert "drop several" in told(SearchQuery(service="nobody", text="nonsense"), orders)
    assert "there are 4 lines and spans, but --text excludes" in told(SearchQuery(text="nonsense"), orders)


def test_advice_tells_the_state_of_a_trace(store, settings):
    """A trace that is waited for: when it is looked up again; one that was not sampled: that nothing will come."""
    indexed(lambda_event([powertools("paid"), report()]), store, settings)
    indexed(
        lambda_event(
            [
                powertools("sent", trace=OTHER, request="11111111-2182-454f-963f-5f0f9a621d72"),
                report("11111111-2182-454f-963f-5f0f9a621d72", OTHER, sampled=False),
            ],
            first=100,
        ),
        store,
        settings,
    )
    question = SearchQuery(ids=(XRAY, OTHER), whole=True, text="nonsense")
    Resolver(store=store, source=Traces(), settings=settings, clock=lambda: NOW / 1000).sweep(force=True)
    store.refresh()
    assert "is pending: X-Ray has nothing on this trace yet. It is looked up again in about 25 s: try again then." in told(
        question, store, NOW / 1000 + 5
    )
    assert "is due to be looked up again now" in told(question, store, NOW / 1000 + 60)
    assert "is unsampled" in told(question, store)
    assert "Nothing will ever come from X-Ray." in told(question, store)


def test_advice_points_to_lines_that_claim_the_trace(orders):
    """An id that is found as a stale one alone: --exact shows the lines that claim it."""
    put(orders, line("stale", traceId=OTHER, staleTraceId="e" * 32))
    assert "the id stands in 1 line or span of another trace, as the platform says: --exact" in told(
        SearchQuery(ids=("e" * 32,), whole=True), orders
    )
