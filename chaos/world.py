"""World: makes up what happened in an account: the events that `ship` gets, and what X-Ray knows. The same for the same seed."""

import base64
import gzip
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from accuracy.measure import cases
from accuracy.transaction import LogEvent, Transaction
from bench.streams import before_midnight, log_streams, segments_of, subscription_events
from pipeline.local.aws_spans import spans_of
from pipeline.model.log_groups import SPANS_LOG_GROUP

Batch = dict[str, Any]
"""A decoded subscription document of CloudWatch Logs."""
EARLIER: Final = 7_200_000
"""Milliseconds by which the world's later half began before it is made up."""
_OF_STREAMS: Final = 0.1
_CHATTY: Final = 0.3
_CHATTER: Final = (60, 240)
_BY_SPANS: Final = 0.1
_MOST_PARTS: Final = 3
_TOGETHER: Final = 12
_ALONE: Final = 0.1


@dataclass(frozen=True, slots=True)
class World:
    """What happened.

    Attributes:
        events: the events of Lambda, each with one or many subscription documents.
        segments: X-Ray's segment documents as JSON, by canonical trace id.
        log_events: how many different log events there are, without spans.
    """

    events: list[dict[str, Any]]
    segments: dict[str, tuple[str, ...]]
    log_events: int


def make_world(seed: int, log_events: int, now: int) -> World:
    """Makes up a world with about ``log_events`` log events, today's and yesterday's; ``now`` in milliseconds since the epoch, UTC."""
    rng = random.Random(f"world {seed}")
    batches: list[Batch] = []
    segments: dict[str, tuple[str, ...]] = {}
    for transaction in _transactions(seed, round(log_events * (1 - _OF_STREAMS)), now):
        batches += [part for stream in transaction.streams.values() for part in _parts(stream.batch(), rng)]
        if transaction.of_spans or (transaction.documents and rng.random() < _BY_SPANS):
            batches.append(_spans(transaction))
        elif transaction.documents:
            segments[transaction.trace_id] = tuple(json.dumps(document) for document in transaction.documents)
    streams = log_streams(seed, round(log_events * _OF_STREAMS), before_midnight(now))
    batches += subscription_events(streams, seed)
    segments |= {trace_id: tuple(documents) for trace_id, documents in segments_of(streams).items()}
    # the neighbours of a log stream come together or far apart
    rng.shuffle(batches)
    different = {(batch["logGroup"], batch["logStream"], event["id"]) for batch in batches for event in batch["logEvents"]
                 if batch["logGroup"] != SPANS_LOG_GROUP}  # fmt: skip
    return World(list(_events(batches, rng)), segments, len(different))


def _transactions(seed: int, log_events: int, now: int) -> Iterator[Transaction]:
    made = 0
    for case in cases(seed, log_events):
        if made >= log_events:
            return
        # another time than the measure's own, so that the trace's id is of today
        transaction = case.scenario.play(case.seed, now - EARLIER + made)
        own = random.Random(f"disturbance {case.seed}")
        case.disturbance.disturb(transaction, own)
        if own.random() < _CHATTY:
            _chat(transaction, own)
        made += sum(len(stream.events) for stream in transaction.streams.values())
        yield transaction


def _chat(transaction: Transaction, rng: random.Random) -> None:
    """Adds many bare lines to an invocation: most of what functions log is of few traces."""
    for stream in transaction.streams.values():
        starts = [place for place, event in enumerate(stream.events) if event.message.startswith("START ")]
        if starts:
            place = starts[0]
            at = stream.events[place].at
            stream.events[place + 1 : place + 1] = [
                LogEvent.numbered(rng, at, number, f"step {number}: {rng.getrandbits(64):x} done\n")
                for number in range(rng.randint(*_CHATTER))
            ]
            return


def _parts(batch: Batch, rng: random.Random) -> Iterator[Batch]:
    """A batch cut as CloudWatch Logs may cut it."""
    events = batch["logEvents"]
    cuts = sorted(rng.randint(0, len(events)) for _ in range(rng.randrange(_MOST_PARTS)))
    for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
        if start < end:
            yield batch | {"logEvents": events[start:end]}


def _spans(transaction: Transaction) -> Batch:
    """A trace as a batch of the log group aws/spans."""
    documents = transaction.documents
    spans = documents if transaction.of_spans else [span for document in documents for span in spans_of(document)]
    events = [{"id": f"{transaction.trace_id}{number}", "timestamp": transaction.millis, "message": json.dumps(span)}
              for number, span in enumerate(spans)]  # fmt: skip
    return {"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": SPANS_LOG_GROUP, "logStream": "default",
            "subscriptionFilters": ["tracejoin"], "logEvents": events}  # fmt: skip


def _events(batches: Iterable[Batch], rng: random.Random) -> Iterator[dict[str, Any]]:
    """The batches as events of Lambda: one alone, or several as Kinesis hands them over."""
    waiting = [_packed(batch) for batch in batches]
    while waiting:
        if rng.random() < _ALONE:
            yield {"awslogs": {"data": waiting.pop()}}
            continue
        several = [waiting.pop() for _ in range(min(rng.randint(1, _TOGETHER), len(waiting)))]
        yield {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": data}} for data in several]}


def _packed(batch: Batch) -> str:
    return base64.b64encode(gzip.compress(json.dumps(batch).encode(), 1)).decode()
