"""Error payloads in the renderings of several languages."""

import pytest

from pipeline.logs.extract.read_lines import extract


@pytest.mark.parametrize(("message", "signals"), [
    ("{ statusCode: 502, headers: {}, body: 'x' }", ("error-payload",)), ('{:statusCode=>503, :body=>"x"}', ("error-payload",)),
    ("map[body:x statusCode:500]", ("error-payload",)), ("{StatusCode:500 Headers:map[] Body:x}", ("error-payload",)),
    ("APIGatewayV2HTTPResponse(statusCode=500, headers={}, body=x)", ("error-payload",)), ("{ StatusCode: 200, FunctionError: 'Handled' }", ("error-payload",)),
    ("{'FunctionError': 'Unhandled'}", ("error-payload",)), ("{ data: null, errors: [ { message: 'x', path: [ 'a' ] } ] }", ("error-payload",)),
    ("{ batchItemFailures: [ { itemIdentifier: 'a' } ] }", ("partial-failure",)), ("{ UnprocessedItems: { t: [ [Object] ] } }", ("partial-failure",)),
    ("BatchResponse{batchItemFailures=[BatchItemFailure{itemIdentifier=m1}]}", ("partial-failure",)), ("{ FailedPutCount: 2 }", ("partial-failure",)),
    ('{"logType": "ResponseMapping", "fieldInError": true, "errors": ["x"]}', ("error-payload",)),
    # nothing failed
    ("{ statusCode: 200, body: 'statusCode 500 is possible' }", ()), ("got statusCode: 500", ()), ("{ batchItemFailures: [] }", ()),
    ("{ FailedRecordCount: 0, Records: [] }", ()), ("{ UnprocessedItems: {} }", ()), ("{ FunctionError: undefined, StatusCode: 200 }", ()),
    ('{"eventSource": "dynamodb.amazonaws.com", "errorCode": "ThrottlingException", "errorMessage": "Rate exceeded"}', ()),
])  # fmt: skip
def test_renderings(message, signals):
    """A payload counts with quotes or without, as Node.js, Java, Go and Ruby print it; one in which nothing failed does not."""
    assert extract(message).signals == signals
