"""Payloads: failures that a line shows as data, such as a logged response, whatever its level says.

Shapes: AWS Lambda developer guide (errors of a function and of an invocation; "Reporting batch item failures"), API Gateway developer
guide (a proxy integration's response), the references of DynamoDB (UnprocessedItems), EventBridge (FailedEntryCount), Kinesis
(FailedRecordCount), Data Firehose (FailedPutCount), SQS (Failed, SenderFault), S3 (DeleteObjects) and OpenSearch (_bulk), the GraphQL
specification ("Response"), AWS Step Functions developer guide (execution history events; StartSyncExecution).
"""

import re
from typing import Final

from pipeline.state import Signal

# a payload may be JSON in JSON, whose quotes have backslashes, or Python's own rendering; repeats are bounded, as the cost must be
_QUOTE = r"""[\\"']{1,4}"""
_IS = rf"{_QUOTE}\s{{0,4}}:\s{{0,4}}"
_VALUE = rf"""{_IS}[\\"']{{0,4}}"""
_FAILED_STATUS = re.compile(rf"\bstatusCode{_VALUE}5\d\d(?!\d)", re.ASCII)
_OF_A_RESPONSE = re.compile(
    rf"\b(?:body|headers|multiValueHeaders|isBase64Encoded){_QUOTE}\s{{0,4}}:|\b(?:[Rr]espon|[Rr]esult|[Rr]eturn)", re.ASCII
)
_ERROR_MESSAGE = re.compile(rf"\berrorMessage{_IS}", re.ASCII)
_OF_AN_ERROR = re.compile(rf"\b(?:errorType|stackTrace|trace){_IS}|Task timed out after", re.ASCII)
_GRAPHQL_ERRORS = re.compile(rf"\berrors{_IS}\[\s{{0,8}}\{{", re.ASCII)
_OF_GRAPHQL = re.compile(rf"\b(?:data|locations|path|extensions|errorType){_IS}", re.ASCII)
_PARTIAL: Final = (
    re.compile(rf"\bbatchItemFailures{_IS}\[\s{{0,8}}\{{", re.ASCII),
    re.compile(rf"\bFailed(?:Entry|Record|Put)Count{_VALUE}[1-9]", re.ASCII),
    re.compile(rf"\bUnprocessed(?:Items|Keys){_IS}\{{\s{{0,8}}[\\\"']", re.ASCII),
    re.compile(rf"\bFailed{_IS}\[\s{{0,8}}\{{(?=.{{0,400}}SenderFault)", re.DOTALL | re.ASCII),
    re.compile(rf"\bErrors{_IS}\[\s{{0,8}}\{{(?=.{{0,400}}\bKey{_QUOTE})", re.DOTALL | re.ASCII),
    re.compile(rf"\berrors{_IS}[Tt]rue\b(?=.{{0,400}}\bitems{_QUOTE})", re.DOTALL | re.ASCII),
)
_EXECUTION = re.compile(rf"\btype{_VALUE}Execution(?:Failed|TimedOut)\b|\bstatus{_VALUE}(?:FAILED|TIMED_OUT)\b", re.ASCII)
_OF_AN_EXECUTION = re.compile(r"\b(?:execution_?[Aa]rn|stateMachineArn)\b|:states:", re.ASCII)
WORTH_A_LOOK: Final = (
    rf"statusCode{_VALUE}5\d\d", rf"errorMessage{_IS}", rf"[Ee]rrors{_IS}(?:\[|[Tt]rue)", rf"batchItemFailures{_IS}\[",
    rf"Failed(?:Entry|Record|Put)Count{_VALUE}[1-9]", rf"Unprocessed(?:Items|Keys){_IS}\{{", rf"Failed{_IS}\[",
    rf"{_VALUE}(?:Execution(?:Failed|TimedOut)|FAILED|TIMED_OUT)",
)  # fmt: skip
"""Regular expressions of which one is found in every line that shows a payload: a first look at many lines at once."""
_BEFORE, _AFTER = 80, 240


def find_payload(message: str, *, is_error: bool) -> tuple[tuple[Signal, ...], str]:
    """The signals of the payloads that ``message`` shows, and the part of it that shows the first; nothing where it shows none.

    Args:
        message: the line, whole.
        is_error: the line says itself that it tells of an error: what it holds is no payload of another one.
    """
    found: dict[Signal, int] = {}
    if (match := _FAILED_STATUS.search(message)) and _OF_A_RESPONSE.search(message):
        found["error-payload"] = match.start()
    if not is_error and (match := _ERROR_MESSAGE.search(message)) and _OF_AN_ERROR.search(message):
        found.setdefault("error-payload", match.start())
    if (match := _GRAPHQL_ERRORS.search(message)) and _OF_GRAPHQL.search(message):
        found.setdefault("error-payload", match.start())
    for pattern in _PARTIAL:
        if match := pattern.search(message):
            found.setdefault("partial-failure", match.start())
    if (match := _EXECUTION.search(message)) and _OF_AN_EXECUTION.search(message):
        found["state-machine-failed"] = match.start()
    if not found:
        return (), ""
    start = max(min(found.values()) - _BEFORE, 0)
    return tuple(found), message[start : start + _BEFORE + _AFTER]
