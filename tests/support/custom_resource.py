"""CloudFormation's side of a custom resource: it invokes a function, and waits for what the function puts to the URL that it was given."""

import json

from tests.support.http_server import HttpServer


def request(functions, function, kind, **properties):
    """What the function answers to a request of this kind: Create, Update or Delete."""
    told = []
    with HttpServer(lambda answer: (200, told.append(json.loads(answer.body)))) as server:
        event = {"RequestType": kind, "ResponseURL": f"{server.endpoint}/answer", "StackId": "stack", "RequestId": kind,
                 "LogicalResourceId": "EmptiedBucket", "ResourceProperties": properties}  # fmt: skip
        functions.invoke(FunctionName=function, Payload=json.dumps(event))
    return told
