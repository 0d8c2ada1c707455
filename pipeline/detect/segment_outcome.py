"""Segment outcome: whether a segment failed, by its own flags, status and exception."""

import re
from typing import Final

from pipeline.model.facts import SegmentFact

SERVICE = "AWS::Lambda"
FUNCTION = "AWS::Lambda::Function"
Call = tuple[str, str, str, str, str]
# what the Lambda service answers if a function ran, or will run
OK, ACCEPTED = 200, 202
RAN = frozenset({OK, ACCEPTED})
SERVER_ERROR = 500
CLIENT_ERROR = 400
_THROTTLED = 429
_STEP_FUNCTIONS = "AWS::STEPFUNCTIONS"
# botocore words an error's code so
_CODE = re.compile(r"An error occurred \((\w+)\)")
# codes of throttles with 400, which the X-Ray SDKs mark as fault and error alone (botocore, retries/standard.py: ThrottledRetryableChecker)
_THROTTLES: Final = frozenset({"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException", "RequestThrottled",
                               "TooManyRequestsException", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
                               "BandwidthLimitExceeded", "SlowDown", "EC2ThrottledException"})  # fmt: skip


def is_execution(fact: SegmentFact) -> bool:
    """Whether a segment is of an execution of Step Functions."""
    return fact.origin.upper().startswith(_STEP_FUNCTIONS) and not fact.subsegment


def error_names(fact: SegmentFact) -> frozenset[str]:
    """Gives the names of a segment's error: the exception type, with and without package, and the AWS code in the message."""
    code = _CODE.search(fact.exception_message)
    return frozenset({fact.exception_type, fact.exception_type.rpartition(".")[2], code[1] if code else ""} - {""})


def failed(fact: SegmentFact) -> bool:
    """Whether a Lambda segment says that its function failed: AWS sets fault or error, not always the same one.

    A function's span of OpenTelemetry has the status that the function answered with: a 4xx is no failure of the function.
    """
    refused = fact.origin == FUNCTION and CLIENT_ERROR <= (fact.status or 0) < SERVER_ERROR
    return fact.fault or (fact.error and not refused) or fact.cause or (fact.status or 0) >= SERVER_ERROR


def crashed(fact: SegmentFact) -> bool:
    """Whether a function's span of OpenTelemetry ended by an exception: what a function returned, be it a 5xx, has a status."""
    return fact.status is None and failed(fact)


def throttled(fact: SegmentFact) -> bool:
    """Whether a call was refused since there were too many."""
    return fact.throttle or fact.status == _THROTTLED or not _THROTTLES.isdisjoint(error_names(fact))


def faulted(fact: SegmentFact) -> bool:
    """Whether a segment says that the server side failed; on Lambda's own segments `error` says it as well as `fault`."""
    return failed(fact) if fact.origin in {SERVICE, FUNCTION} else fact.fault or (fact.status or 0) >= SERVER_ERROR


def call_of(fact: SegmentFact) -> Call:
    """Gives what a call and its repetition share: name, operation, target, method and URL."""
    return fact.name, fact.operation, fact.target, fact.method, fact.url
