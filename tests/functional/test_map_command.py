"""`tracejoin map`, as a person calls it."""

import json
import re

import pytest

from pipeline.local.aws_spans import subscription_event
from tests.functional.test_service_map import nanos, span_event
from tests.support.command import rows, tracejoin
from tests.support.documents import BEGAN, put, span
from tests.support.shipping import shipped
from tests.unit.search.test_service_map import EDGES

HOSTILE = 'a"] [label=\\"x\\n\x1b[31m\u202e[bold]'


@pytest.fixture
def environment(store):
    """The store's endpoint and prefix."""
    return {"TRACEJOIN_ENDPOINT": store.endpoint, "TRACEJOIN_PREFIX": store.prefix}


@pytest.fixture
def sample(store, settings, samples):
    """OpenSearch's sample of spans, shipped as `aws/spans`."""
    documents = list(map(json.loads, (samples / "opensearch_apm" / "otel_v1_apm_span_explore.data.ndjson").read_text().splitlines()))
    shipped(subscription_event(map(span_event, documents), at=nanos(documents[0]["startTime"]) // 1_000_000), store, settings)
    store.refresh()
    return documents[0]["startTime"][:10]


def test_it_prints_the_ten_edges_of_the_sample(environment, sample):
    """The table at 80 columns, the JSON and the graph hold the same edges, and the table no line that is too wide."""
    day = ("--since", sample, "--until", sample)
    code, out, err = tracejoin("map", *day, "--json", **environment)
    assert (code, err) == (0, "")
    assert {(edge["caller"], edge["callee"]) for edge in rows(out)} == EDGES
    code, out, _ = tracejoin("map", *day, "--dot", **environment)
    assert {tuple(pair) for pair in re.findall(r'"([^"]+)" -> "([^"]+)"', out)} == EDGES
    code, out, _ = tracejoin("map", *day, **environment | {"COLUMNS": "80"})
    assert code == 0
    assert {line[:2] for line in (tuple(line.split()) for line in out.splitlines()) if len(line) > 2} >= EDGES
    assert max(map(len, out.splitlines())) <= 80


def test_it_prints_the_edges_of_one_service(environment, sample):
    """Those from it and to it."""
    _, out, _ = tracejoin("map", "--since", sample, "--until", sample, "--service", "cart", "--json", **environment)
    assert {(edge["caller"], edge["callee"]) for edge in rows(out)} == {edge for edge in EDGES if "cart" in edge} != set()


def test_no_map_is_said_in_one_line(environment, sample):
    """An empty period, and an unknown service."""
    assert tracejoin("map", "--until", "2020-01-01", **environment)[::2] == (
        1, "tracejoin: no spans in this period: widen --since, or see `tracejoin why` for a trace\n"
    )  # fmt: skip
    code, _, err = tracejoin("map", "--since", sample, "--service", "nobody", **environment)
    assert (code, "of calls from or to nobody" in err) == (1, True)


def test_a_hostile_name_stays_a_name(environment, store):
    """In the table it steers no terminal and is no markup; in the graph it ends no string."""
    put(store, *(span(key, BEGAN, spanId=key * 16, parentSpanId=above * 16, serviceName=name, traceId="3" * 32)
                 for key, above, name in (("1", "", HOSTILE), ("2", "1", "b"))))  # fmt: skip
    since = ("--since", BEGAN.isoformat())
    _, out, _ = tracejoin("map", *since, **environment)
    assert "[bold]" in out
    assert not {"\x1b", "\u202e"} & set(out)
    _, out, _ = tracejoin("map", *since, "--dot", **environment)
    assert "\x1b" not in out
    strings = re.findall(r'"(?:[^"\\]|\\.)*"', out)
    assert re.sub(r'"(?:[^"\\]|\\.)*"', "", out).count('"') == 0
    assert any("label=" in string for string in strings)
