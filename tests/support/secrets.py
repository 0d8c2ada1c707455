"""Stand-ins around a login: the services that keep it, and an OpenSearch that lets one login in."""

import json
from base64 import b64encode

from tests.support.http_server import Forwarder, HttpServer

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:search-a1B2c3"
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/search"
# the password that must show nowhere
PLANTED = "hunter2-at-home"


def told(username="admin", password=PLANTED, **more):
    """The value of a secret."""
    return json.dumps({"username": username, "password": password} | more)


def token(username, password):
    """What HTTP basic authentication sends."""
    return b64encode(f"{username}:{password}".encode()).decode()


class Vault(HttpServer):
    """Secrets Manager and SSM with one secret, for a real client; ``answer`` replaces what it says (a status and content).

    Attributes:
        value: the secret's text.
        type: of the parameter.
        reads: how often it was asked.
    """

    def __init__(self, value=""):
        super().__init__(self._answer)
        self.value, self.type, self.answer, self.reads = value, "SecureString", None, 0

    def _answer(self, request):
        self.reads += 1
        asked = json.loads(request.body)
        if self.answer:
            return self.answer
        if request.headers["x-amz-target"] == "secretsmanager.GetSecretValue":
            return (200, {"ARN": asked["SecretId"], "Name": "search", "SecretString": self.value})
        assert (request.headers["x-amz-target"], asked["WithDecryption"]) == ("AmazonSSM.GetParameter", True)
        return 200, {"Parameter": {"Name": "/search", "ARN": asked["Name"], "Type": self.type, "Value": self.value}}

    def variables(self):
        """The environment that sends clients here."""
        return {"AWS_ENDPOINT_URL_SECRETS_MANAGER": self.endpoint, "AWS_ENDPOINT_URL_SSM": self.endpoint, "AWS_ACCESS_KEY_ID": "a",
                "AWS_SECRET_ACCESS_KEY": "b"}  # fmt: skip


class Guarded(HttpServer):
    """An OpenSearch that answers one login and refuses any other: the one at ``target``, or one that finds nothing.

    Attributes:
        login: user name and password that it lets in; None for nobody.
        refusal: status and content for all others; ``{token}`` in it is what was sent.
        asked: the headers `authorization` that came.
    """

    def __init__(self, *login, target=""):
        super().__init__(self._answer)
        self._forward = Forwarder(target) if target else lambda request: (200, {"hits": {"hits": [], "total": {"value": 0}}})
        self.login, self.refusal, self.asked = login or None, (401, "Unauthorized"), []

    def _answer(self, request):
        sent = request.headers.get("authorization", "")
        self.asked.append(sent)
        if self.login and sent == f"Basic {token(*self.login)}":
            return self._forward(request)
        status, content = self.refusal
        return status, content.replace("{token}", sent).encode()
