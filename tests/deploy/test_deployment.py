"""tracejoin's own template, built and deployed on a local AWS by the SAM CLI, with a real OpenSearch and the local X-Ray.

The local AWS is ministack: CloudFormation with SAM's transform and custom resources, Lambda (the package runs, in processes of their own),
CloudWatch Logs with subscription filters, SQS, SNS and the scheduler are there. What it can't do, and no test here shows: roles, access
policies and reserved concurrency forbid and limit nothing; a subscription's delivery that fails is not tried again, and Lambda's
records of failures go to queues, not to the bucket; a log group takes any number of filters; it has no CloudTrail to tell of new log groups, no account-level policies, no Serverless
collections, and no domain without Docker; metrics that functions print become none, so alarms never fire; functions run with this machine's
Python and architecture, for which the package is built, and not on arm64 with Python 3.13.
"""

import pytest

from pipeline.settings import Settings
from tests.support import story as stories
from tests.support.paths import UNMEASURED
from tests.support.stores import emptied, needs_sam
from tests.support.story import GROUP, LATER, LINES, STACK, UNWANTED

pytestmark = pytest.mark.opensearch


@pytest.fixture(scope="module")
def story(real_endpoint):
    """One stack for all tests."""
    needs_sam()
    settings = Settings(endpoint=real_endpoint, prefix="deployed", region="eu-west-1")
    with emptied(settings), pytest.MonkeyPatch.context() as patch:
        for name, value in UNMEASURED.items():
            patch.setenv(name, value)
        yield stories.tell(settings)


def test_the_outputs_say_what_to_use_next(story, real_endpoint):
    """Where to search, what to run, whom to subscribe, where to look when something went wrong."""
    assert story.outputs["Endpoint"] == real_endpoint
    assert story.outputs["Check"] == f"tracejoin doctor --stack {STACK}"
    assert {"AlertTopicArn", "ShipFunctionArn", "SubscribeFunctionName", "ParkedEventsBucket", "HintDeadLettersUrl"} <= set(story.outputs)


def test_log_groups_are_subscribed_by_pattern(story):
    """What the pattern lets in has the stack's filter, what it does not has none."""
    assert story.subscribed[GROUP] == [f"{STACK}-ship"]
    assert story.subscribed[UNWANTED] == []


def test_log_events_come_out_of_one_search_with_their_trace(story):
    """Put with boto3, through the subscription, the deployed ship, the queue, the deployed resolve and X-Ray: lines and spans, joined and judged."""
    kinds = [document["doc"]["kind"] for document in story.found]
    assert (kinds.count("log"), kinds.count("span")) == (LINES, 2)
    assert {document["trace"]["state"] for document in story.found} == {"complete"}
    # the bare line has no id of its own
    assert {document["idSource"] for document in story.found if document["doc"]["kind"] == "log"} == {"inline", "request", "stream"}


def test_the_hidden_fault_is_found_and_told(story):
    """The function failed behind a 200: it is in the index, and its message came through the stack's topic."""
    assert "service-ok-function-failed" in [rule for fault in story.faults for rule in fault["trace"]["rules"]]
    assert [alert.subject for alert in story.alerts] == ["[tracejoin] orders: ValueError behind 200, new"]


def test_a_poisoned_message_ends_among_the_dead_letters(story):
    """With its reason, and without holding back the hint beside it."""
    (message,) = story.dead_letters
    assert message["Body"] == "no hint"
    assert message["MessageAttributes"]["reason"]["StringValue"].startswith("the message is no hint")


def test_an_event_that_failed_three_times_comes_back_by_an_order_to_ship(story):
    """OpenSearch was away: Lambda's record names the reason and holds the event; ship sends it again, it is found, and the bucket is empty."""
    assert story.parked["requestContext"]["condition"] == "RetriesExhausted"
    assert "does not answer" in story.parked["responsePayload"]["errorMessage"]
    first, second = story.replayed
    assert (first["found"], first["replayed"], first["events"]["indexed"], first["problem"]) == (1, 1, 1, "")
    assert (second["found"], second["handedOn"]) == (0, False)
    assert (story.came_back, story.still_parked) == (1, 0)


def test_the_pipeline_never_ships_its_own_logs(story):
    """Its functions logged all the while, in log groups that the pattern would let in."""
    assert (story.own_lines, story.own_filters) == (0, [])


def test_an_update_reaches_everything(story):
    """Other parameters: every function has them, other log groups are subscribed, those of before no longer, and lines come."""
    assert set(story.updated.values()) == {"30"}
    assert (story.later[LATER], story.later[GROUP]) == ([f"{STACK}-ship"], [])


def test_the_sweep_comes_by_need(story):
    """With SweepBy=need the schedule runs once a day; a line that no hint told of is settled by the deployed queue's message all the same."""
    assert story.rate == "rate(1 day)"
    assert len(story.by_need) == 1
    assert not story.by_need & {"pending"}


def test_deleting_the_stack_leaves_the_parked_events_and_what_was_indexed(story):
    """Nothing else: no function, role, queue, alarm, schedule or log group of ours, and no subscription on anybody's."""
    assert story.deleted == "DELETE_COMPLETE"
    buckets = story.left.pop("buckets")
    assert len(buckets) == 1
    assert "parkedevents" in buckets[0]
    assert {kind: found for kind, found in story.left.items() if found} == {}
    assert story.kept == LINES + 2
