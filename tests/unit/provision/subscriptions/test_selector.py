"""Which log groups are chosen, by their names and tags."""

import pytest

from pipeline.errors import MisconfiguredError
from pipeline.provision.subscriptions.selector import PIPELINE_TAG, LogGroupSelector
from pipeline.settings import Settings


@pytest.mark.parametrize(
    ("patterns", "name", "chosen"),
    [
        ("/aws/lambda/*", "/aws/lambda/orders", True),
        ("/aws/lambda/*", "/aws/apigateway/orders", False),
        ("/aws/lambda/*", "/AWS/LAMBDA/orders", False),
        ("/aws/lambda/*,!/aws/lambda/noisy-*", "/aws/lambda/noisy-1", False),
        ("!/aws/lambda/noisy-*,/aws/lambda/*", "/aws/lambda/orders", True),
        ("/aws/lambda/order?", "/aws/lambda/orders", True),
        ("orders", "orders-2", False),
        ("a.b", "aXb", False),
        ("*", "aws/spans", False),
        ("*", "/aws/OpenSearchService/domains/tracejoin/application-logs", False),
        ("*", "/aws/lambda/own", False),
        ("", "/aws/lambda/orders", False),
    ],
)
def test_names(patterns, name, chosen):
    """Wild cards, exclusions in any place, case; what is on the pipeline's own path is never chosen, and without patterns nothing is."""
    choice = LogGroupSelector(tuple(filter(None, patterns.split(","))), excluded=frozenset({"/aws/lambda/own"}))
    assert choice.names(name) == chosen == choice.wants(name, {})


@pytest.mark.parametrize(
    ("tag", "tags", "chosen"),
    [
        ("", {}, True),
        ("", {PIPELINE_TAG: "another stack"}, False),
        ("ship", {"ship": ""}, True),
        ("ship", {"other": "ship"}, False),
        ("ship=yes", {"ship": "yes"}, True),
        ("ship=yes", {"ship": "no"}, False),
        ("ship=", {"ship": "no"}, False),
        ("ship=a=b", {"ship": "a=b"}, True),
        ("ship", {"ship": "", PIPELINE_TAG: "x"}, False),
    ],
)
def test_tags(tag, tags, chosen):
    """A tag narrows what the names let in; the tag of a pipeline keeps a log group out whatever else it carries."""
    assert LogGroupSelector(("*",), tag).wants("any", tags) == chosen


@pytest.mark.parametrize(
    ("text", "told"), [("a b", "no pattern of log group names"), ("!/aws/*", "only takes away"), ("[a]", "no pattern")]
)
def test_bad_patterns_are_told_of_at_the_start(text, told):
    """A pattern that no log group could match is a mistake, and the setting is named."""
    with pytest.raises(MisconfiguredError, match=f"TRACEJOIN_LOG_GROUPS.*{told}"):
        Settings.from_environment({"TRACEJOIN_LOG_GROUPS": text})
