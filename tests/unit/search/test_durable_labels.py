"""Durable labels: the operation and attempt of a line, and whether it is written again in a replay."""

from pipeline.search.durable_labels import DurableLabels
from tests.support.durable import ARN


def line(body, span_id="", **durable):
    """A stored line."""
    return {"doc": {"kind": "log"}, "body": body, "spanId": span_id} | ({"durable": durable} if durable else {})


def invocation(span_id, *, first, arn=ARN):
    """The stored span of an invocation."""
    return {"doc": {"kind": "span"}, "spanId": span_id, "durable": {"executionArn": arn, "firstInvocation": first}}


def labelled(*documents):
    """The labels of these documents, in their order."""
    labels = DurableLabels()
    labels.note(documents)
    return [labels.of(document) for document in documents]


def test_operations_and_attempts():
    """The name stands for the operation, or else the beginning of its id; a line outside operations has none."""
    assert labelled(
        line("a", executionArn=ARN, operationId="1ced8f5be2db23", operationName="charge", attempt=2),
        line("b", executionArn=ARN, operationId="1ced8f5be2db23"),
        line("c", executionArn=ARN),
        line("d", executionArn=ARN, attempt=1),
        line("e", executionArn=ARN, operationName="charge", replayed=True),
        line("f"),
    ) == ["charge, attempt 2", "1ced8f5b", "", "", "charge, replayed", ""]


def test_as_many_lines_are_replayed_as_an_earlier_invocation_wrote():
    """A loop writes the same line once more in each invocation: the last one is new."""
    assert labelled(
        invocation("i1", first=True), line("poll", "i1"),
        line("poll", "i2"), line("poll", "i2"), invocation("i2", first=False),
        invocation("i3", first=False), line("poll", "i3"), line("poll", "i3"), line("poll", "i3"), line("done", "i3"),
    ) == ["", "", "replayed", "", "", "", "replayed", "replayed", "", ""]  # fmt: skip


def test_what_is_no_replay():
    """The same words of another execution, of a first invocation, of an operation, and where nothing tells which invocation wrote them."""
    other = ARN.replace("order-7", "order-8")
    assert not any(labelled(
        invocation("i1", first=True), line("poll", "i1"), line("poll", "i1"),
        invocation("i2", first=False, arn=other), line("poll", "i2"),
        line("poll", "a1"), line("poll"), invocation("i3", first=False), line("poll", "i3", executionArn=ARN),
    ))  # fmt: skip
