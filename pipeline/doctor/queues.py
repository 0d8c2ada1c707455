"""Queues: checks that the functions, their queues and their bucket keep up."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pipeline.doctor.account import Account
from pipeline.doctor.check import Check
from pipeline.doctor.check_result import CheckResult, problem, warning
from pipeline.doctor.collect import metrics
from pipeline.doctor.collect import queues as read
from pipeline.doctor.resources import Alarm, Queue, Stack, Traffic
from pipeline.doctor.shell_commands import aws
from pipeline.errors import BadInputError

_LONGEST_WAIT: Final = 15 * 60
# a hint that waits for its last look-up may be older than its delay by this much
_SLACK: Final = 5 * 60
# as for the alarm SweepWaitsAlarm
_LONGEST_SWEEP_WAIT: Final = 30 * 60
_TELLS_OF_FAULTS: Final = "HiddenFaults"


def oldest(stack: Stack, age: int, delays: Sequence[int]) -> Iterator[CheckResult]:
    """Reports hints that wait longer than their delay; ``age`` is that of the oldest message, in seconds."""
    if age > max(_LONGEST_WAIT, max(delays) + _SLACK):
        queue = _queue_name(stack.id_of("HintQueue"))
        message = f"its oldest message has waited {age // 60} minutes: resolve does not keep up, or fails"
        yield problem(queue, message, _tail(stack, "ResolveFunction"))


def asked_sweeps(stack: Stack, age: int) -> Iterator[CheckResult]:
    """Reports sweeps that were asked for and do not run; ``age`` is that of the oldest message, in seconds."""
    if age > _LONGEST_SWEEP_WAIT:
        queue = _queue_name(stack.id_of("SweepQueue"))
        message = f"a sweep was asked for {age // 60} minutes ago and does not run, or fails: what no hint told of stays pending"
        yield problem(queue, message, _tail(stack, "ResolveFunction"))


def keeps_awake(stack: Stack) -> Iterator[CheckResult]:
    """Warns of a collection that could scale to zero, and is asked every five minutes."""
    made = {name: stack.parameters.get(name) for name in ("OpenSearch", "CollectionGeneration", "SweepBy")}
    if made == {"OpenSearch": "serverless", "CollectionGeneration": "nextgen", "SweepBy": "schedule"}:
        message = "the sweep asks the collection every 5 minutes, so that it never scales to zero"
        yield warning(stack.name, message, f"Deploy {stack.name} again with the parameter SweepBy=need.")


def failed_hints(stack: Stack, queue: Queue) -> Iterator[CheckResult]:
    """Warns of hints in the dead-letter queue."""
    if queue.waiting:
        name = _queue_name(stack.id_of("HintDeadLetters"))
        message = f"{queue.waiting} hints failed five times; the sweep finds their traces all the same, unless they fail again"
        again = aws(stack.region, "sqs", "start-message-move-task", "--source-arn", queue.arn)
        yield warning(name, message, f"Find out why ({_tail(stack, 'ResolveFunction')}), then send them again: {again}")


def parked(stack: Stack, count: int, *, more: bool) -> Iterator[CheckResult]:
    """Warns of parked events, which ship failed to process; ``count`` is their number, or more with ``more``."""
    if count:
        bucket = stack.id_of("ParkedEvents")
        message = (
            f"{count}{' or more' if more else ''} events of CloudWatch Logs could not be shipped and are parked; they go after 30 days"
        )
        again = shlex.join(["tracejoin", "replay", "send", "--stack", stack.name])
        yield warning(bucket, message, f"Find out why ({_tail(stack, 'ShipFunction')}), then send them again: {again}")


def alarms(stack: Stack, found: Sequence[Alarm]) -> Iterator[CheckResult]:
    """Reports the stack's CloudWatch alarms in the state ALARM."""
    for alarm in found:
        if alarm.state != "ALARM":
            continue
        if alarm.metric == _TELLS_OF_FAULTS:
            yield warning(alarm.name, "hidden faults were found: the pipeline does its work", "tracejoin faults --since 1h")
        else:
            shown = aws(stack.region, "cloudwatch", "describe-alarm-history", "--alarm-name", alarm.name, "--max-items", "5")
            yield problem(alarm.name, f"it is in the state ALARM: {alarm.description or alarm.reason}", shown)


def traffic(stack: Stack, hours: Mapping[str, Traffic]) -> Iterator[CheckResult]:
    """Reports functions that failed or were throttled within the last hour; ``hours`` holds their numbers by name."""
    for name, hour in hours.items():
        log = aws(stack.region, "logs", "tail", f"/aws/lambda/{name}", "--since", "1h")
        if hour.errors:
            make = problem if hour.errors >= hour.invocations else warning
            yield make(name, f"{hour.errors} of {hour.invocations} invocations within the last hour failed", log)
        if hour.throttles:
            message = f"{hour.throttles} invocations within the last hour were throttled: the account's concurrency, or its own, is used up"
            yield warning(name, message, aws(stack.region, "lambda", "get-account-settings"))


def reserved(stack: Stack, found: Mapping[str, int | None]) -> Iterator[CheckResult]:
    """Reports functions with a reserved concurrency of 0, which never run."""
    for name, concurrency in found.items():
        if concurrency == 0:
            message = "its reserved concurrency is 0, so that it never runs"
            yield problem(name, message, aws(stack.region, "lambda", "delete-function-concurrency", "--function-name", name))


def _queue_name(url: str) -> str:
    return url.rpartition("/")[2]


def _tail(stack: Stack, logical_id: str) -> str:
    return aws(stack.region, "logs", "tail", f"/aws/lambda/{stack.id_of(logical_id)}", "--since", "1h")


def _id(it: Account, logical_id: str) -> str:
    found = it.stack().id_of(logical_id)
    if not found:
        raise BadInputError(f"left out: the stack has no {logical_id}")
    return found


def _look_sweep(it: Account) -> Iterator[CheckResult]:
    yield from keeps_awake(it.stack())
    if queue := it.stack().id_of("SweepQueue"):
        yield from asked_sweeps(it.stack(), metrics.read_oldest(it.calls, _queue_name(queue)))


def _look_parked(it: Account) -> Iterator[CheckResult]:
    count, more = read.read_objects(it.calls, _id(it, "ParkedEvents"))
    yield from parked(it.stack(), count, more=more)


CHECKS: Final = (
    Check("queue-age", "No hint waits for longer than its look-up is held back.",
          lambda it: oldest(it.stack(), metrics.read_oldest(it.calls, _queue_name(_id(it, "HintQueue"))), it.settings().lookup_delays)),
    Check("queue-dead-letters", "The dead-letter queue of hints is empty.",
          lambda it: failed_hints(it.stack(), read.read_queue(it.calls, _id(it, "HintDeadLetters")))),
    Check("sweep", "A sweep that was asked for runs, and none keeps a collection awake that could scale to zero.", _look_sweep),
    Check("parked-events", "No event is parked.", _look_parked),
    Check("alarms", "No alarm of the stack is on.",
          lambda it: alarms(it.stack(), metrics.read_alarms(it.calls, it.stack().names("AWS::CloudWatch::Alarm")))),
    Check("functions-failing", "No function of the stack failed or was throttled within the last hour.",
          lambda it: traffic(it.stack(), it.traffic())),
    Check("functions-reserved", "No function of the stack is stopped by a reserved concurrency of 0.",
          lambda it: reserved(it.stack(), it.reserved())),
)  # fmt: skip
