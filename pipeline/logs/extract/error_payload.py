"""Error payload: finds failures that a line shows as data, such as a logged response, whatever the line's level.

Shapes: AWS Lambda developer guide (errors of a function and of an invocation; "Reporting batch item failures"), API Gateway developer
guide (a proxy integration's response), the references of DynamoDB (UnprocessedItems), EventBridge (FailedEntryCount), Kinesis
(FailedRecordCount), Data Firehose (FailedPutCount), SQS (Failed, SenderFault), S3 (DeleteObjects) and OpenSearch (_bulk), the GraphQL
specification ("Response"), AWS Step Functions developer guide (execution history events; StartSyncExecution).
"""

import re
from typing import Final

from pipeline.logs.extract.error_payload_patterns import IS, QUOTE, VALUE
from pipeline.model.facts import Signal

_FAILED_STATUS = re.compile(rf"\b[sS]tatusCode{VALUE}5\d\d(?!\d)")
_RESPONSE = re.compile(r"\b(?:[Rr]espon|[Rr]esult|[Rr]eturn|[Aa]nswer)")
_OF_A_RESPONSE = re.compile(rf"\b(?:[bB]ody|[hH]eaders|[mM]ultiValueHeaders|[iI]sBase64Encoded){IS}|{_RESPONSE.pattern}")
_OF_A_REQUEST = re.compile(r"\b(?:[Ee]vent|[Rr]equest|[Rr]eceiv|[Ii]ncoming|[Ii]nput)")
_ERROR_MESSAGE = re.compile(rf"\berrorMessage{IS}(?!\s{{0,4}}(?:null|None|\\{{0,15}}[\"']\\{{0,15}}[\"']))")
_OF_AN_ERROR = re.compile(rf"\b(?:errorType|stackTrace|trace){IS}|Task timed out after")
_GRAPHQL_ERRORS = re.compile(rf"\berrors{IS}\[\s{{0,8}}\{{")
# the errors of a form have paths, too, but as text; GraphQL's are lists
_OF_GRAPHQL = re.compile(rf"\b(?:(?:locations|path){IS}\[|(?:data|extensions){IS}(?:\{{|null|None)|errorType{IS})")
_PARTIAL: Final = (
    re.compile(rf"\b[bB]atchItemFailures{IS}\[\s{{0,8}}(?:\{{|\w{{1,60}}[({{])"),
    re.compile(rf"\bFailed(?:Entry|Record|Put)Count{VALUE}[1-9]"),
    re.compile(rf"\bUnprocessed(?:Items|Keys){IS}\{{\s{{0,8}}[\\\"'\w:]"),
    re.compile(rf"\bFailed{IS}\[\s{{0,8}}\{{(?=.{{0,400}}SenderFault)", re.DOTALL),
    re.compile(rf"\bErrors{IS}\[\s{{0,8}}\{{(?=.{{0,400}}\bKey{QUOTE})", re.DOTALL),
    re.compile(rf"\berrors{IS}[Tt]rue\b(?=.{{0,400}}\bitems{QUOTE})", re.DOTALL),
)
# Lambda's Invoke response, and AppSync's log of a resolver (AppSync developer guide, "Monitoring and logging")
_ERROR_FLAG = re.compile(rf"\bFunctionError{VALUE}(?:Unh|H)andled\b|\bfieldInError{IS}true\b")
_EXECUTION = re.compile(rf"\btype{VALUE}Execution(?:Failed|TimedOut)\b|\bstatus{VALUE}(?:FAILED|TIMED_OUT)\b")
_OF_AN_EXECUTION = re.compile(r"\b(?:execution_?[Aa]rn|stateMachineArn)\b|:states:")
_BEFORE, _AFTER = 80, 240


def find_payload(message: str, *, is_error: bool) -> tuple[tuple[Signal, ...], str]:
    """The signals of the error payloads in ``message``, and the excerpt that shows the first one; empty if there are none.

    Args:
        message: the whole line.
        is_error: whether the line itself reports an error; then an error message in it is its own, and no payload.
    """
    found: dict[Signal, int] = {}
    if (match := _FAILED_STATUS.search(message)) and _OF_A_RESPONSE.search(message):
        found["error-payload"] = match.start()
    if not is_error and (match := _ERROR_MESSAGE.search(message)) and _OF_AN_ERROR.search(message):
        found.setdefault("error-payload", match.start())
    if (match := _GRAPHQL_ERRORS.search(message)) and _OF_GRAPHQL.search(message):
        found.setdefault("error-payload", match.start())
    if match := _ERROR_FLAG.search(message):
        found.setdefault("error-payload", match.start())
    if "error-payload" in found and _OF_A_REQUEST.search(message, 0, found["error-payload"]) and not _RESPONSE.search(message):
        # the payload belongs to a request, not to a response
        del found["error-payload"]
    for pattern in _PARTIAL:
        if match := pattern.search(message):
            found.setdefault("partial-failure", match.start())
    if (match := _EXECUTION.search(message)) and _OF_AN_EXECUTION.search(message):
        found["state-machine-failed"] = match.start()
    if not found:
        return (), ""
    start = max(min(found.values()) - _BEFORE, 0)
    return tuple(found), message[start : start + _BEFORE + _AFTER]
