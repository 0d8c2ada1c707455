"""CloudFormation's side of a custom resource: it invokes a function, and waits for what the function puts to the URL that it was given."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread


class _Answers(BaseHTTPRequestHandler):
    def do_PUT(self):
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Says nothing."""


def request(functions, function, kind, **properties):
    """What the function answers to a request of this kind: Create, Update or Delete."""
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        server.told = []
        Thread(target=server.serve_forever, daemon=True).start()
        event = {"RequestType": kind, "ResponseURL": f"http://127.0.0.1:{server.server_port}/answer", "StackId": "stack", "RequestId": kind,
                 "LogicalResourceId": "EmptiedBucket", "ResourceProperties": properties}  # fmt: skip
        functions.invoke(FunctionName=function, Payload=json.dumps(event))
        server.shutdown()
        return server.told
