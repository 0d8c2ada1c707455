"""Segment outcome: whether a segment failed, by its own flags, status and exception."""

import re
from typing import Final

from pipeline.model.facts import SegmentFact

SERVICE = "AWS::Lambda"
FUNCTION = "AWS::Lambda::Function"
Call = tuple[str, str, str, str, str]
# what the Lambda service answers if a function ran, or will run
ACCEPTED = 202
RAN = frozenset({200, ACCEPTED})
SERVER_ERROR = 500
CLIENT_ERROR = 400
_THROTTLED = 429
# botocore words an error's code so
_CODE = re.compile(r"An error occurred \((\w+)\)")
# codes of throttles with 400, which the X-Ray SDKs mark as fault and error alone (botocore, retries/standard.py: ThrottledRetryableChecker)
_THROTTLES: Final = frozenset({"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException", "RequestThrottled",
                               "TooManyRequestsException", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
                               "BandwidthLimitExceeded", "SlowDown", "EC2ThrottledException"})  # fmt: skip


def error_names(fact: SegmentFact) -> frozenset[str]:
    """Gives the names of a segment's error: the exception type, with and without package, and the AWS code in the message."""
    code = _CODE.search(fact.exception_message)
    return frozenset({fact.exception_type, fact.exception_type.rpartition(".")[2], code[1] if code else ""} - {""})


def failed(fact: SegmentFact) -> bool:
    """Whether a Lambda segment says that its function failed: AWS sets fault or error, not always the same one."""
    return fact.fault or fact.error or fact.cause or (fact.status or 0) >= SERVER_ERROR


def throttled(fact: SegmentFact) -> bool:
    """Whether a call was refused since there were too many."""
    return fact.throttle or fact.status == _THROTTLED or not _THROTTLES.isdisjoint(error_names(fact))


def faulted(fact: SegmentFact) -> bool:
    """Whether a segment says that the server side failed; on Lambda's own segments `error` says it as well as `fault`."""
    return failed(fact) if fact.origin in {SERVICE, FUNCTION} else fact.fault or (fact.status or 0) >= SERVER_ERROR


def call_of(fact: SegmentFact) -> Call:
    """Gives what a call and its repetition share: name, operation, target, method and URL."""
    return fact.name, fact.operation, fact.target, fact.method, fact.url
