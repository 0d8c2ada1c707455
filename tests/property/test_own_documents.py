"""Whatever a line holds, its document is recognised as tracejoin's own: none of its lines is ever passed over as another program's."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.logs.decode import LogBatch, LogEvent
from pipeline.settings import Settings
from pipeline.ship import read
from pipeline.store.own_documents import OTHER_FORM, in_own_form, is_own
from tests.property.test_line_kinds import MESSAGES, mutated

SETTINGS = [Settings(endpoint="http://localhost:9200", region="eu-west-1", enrich_lines=lines) for lines in ("all", "notable")]
GROUPS = [
    "/aws/lambda/orders",
    "/aws/apigateway/x",
    "API-Gateway-Execution-Logs_x/prod",
    "/aws/appsync/apis/x",
    "/aws/events/bus",
    "/aws/vendedlogs/states/x",
    "g",
]


def documents_of(messages, group, at, id_, options):
    """The documents that `ship` writes for these lines, as OpenSearch gets them."""
    batch = LogBatch("DATA_MESSAGE", "123456789012", group, "2026/11/30/[$LATEST]0", [LogEvent(id_, at, message) for message in messages])
    return [msgspec.json.decode(msgspec.json.encode(line)) for line in read(batch, options).parts[1::2]]


@settings(max_examples=300)
@given(
    st.lists(mutated(), min_size=1, max_size=5),
    st.sampled_from(GROUPS),
    st.integers(-(2**65), 2**65),
    st.sampled_from(["", "1", "3" * 56, "x" * 600]),
    st.sampled_from(SETTINGS),
)
def test_every_line_is_own(messages, group, at, id_, options):
    """Any message, log group, time and event id."""
    for document in documents_of([message.encode("utf-8", "replace").decode() for message in messages], group, at, id_, options):
        assert is_own(document), document
        assert in_own_form("tracejoin-logs-2026.11.30", document) is document


@pytest.mark.parametrize("group", GROUPS)
def test_the_cases_are_own(group):
    """Each line of the cases, in each kind of log group."""
    documents = documents_of(MESSAGES, group, 1_796_000_000_000, "1", SETTINGS[0])
    assert [document for document in documents if not is_own(document)] == []


def test_another_form_stands_apart():
    """For people: the fields of another form are below one name, the others stay, and there is a kind."""
    shown = in_own_form("tracejoin-spans-2026.11.30", {"name": ["a"], "spanId": "1", "trace": None, "mine": 5})
    assert shown == {"doc": {"kind": "span"}, "spanId": "1", "mine": 5, OTHER_FORM: {"name": ["a"], "trace": None}}
