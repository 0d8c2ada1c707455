"""What is taken out of a line, and what is not."""

import json
import time

import pytest

from pipeline.redact.mask import MASK
from pipeline.redact.redactor import DEFAULT, Redactor
from tests.support.events import REQUEST, TRACE, powertools, report

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
KEY_ID = "AKIA" + "IOSFODNN7EXAMPLE"


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ('{"password":"hunter2","n":1}', '{"password":"[redacted]","n":1}'),
        ('{"Authorization": "Basic x", "n": 1}', '{"Authorization": "[redacted]", "n": 1}'),
        ('{"a":{"apiKey":"k\\"}]","n":1}}', '{"a":{"apiKey":"[redacted]","n":1}}'),
        ('{"pwd":12345,"passcode":-1.5e3}', '{"pwd":"[redacted]","passcode":"[redacted]"}'),
        ('{"multiValueHeaders":{"Cookie":["a=b","c=]"]},"n":1}', '{"multiValueHeaders":{"Cookie":"[redacted]"},"n":1}'),
        ('{"credentials":{"a":{"b":["}"]}},"n":1}', '{"credentials":"[redacted]","n":1}'),
        ('{"secret":null,"token":true,"password":""}', '{"secret":null,"token":true,"password":""}'),
        ('[{"name":"DB_PASSWORD","value":"x"},{"name":"n","value":"y"}]', '[{"name":"DB_PASSWORD","value":"[redacted]"},{"name":"n","value":"y"}]'),
        ('{"m":"{\\"client_secret\\":\\"x\\",\\"n\\":1}"}', '{"m":"{\\"client_secret\\":\\"[redacted]\\",\\"n\\":1}"}'),
        ('{"m":"password=","n":"token:"}', '{"m":"password=","n":"token:"}'),
        ('{"m":"a\\ntoken: abc\\nb"}', '{"m":"a\\ntoken: [redacted]\\nb"}'),
        ('{"m":"user said: \'password: \'x","n":1}', '{"m":"user said: \'password: \'[redacted]","n":1}'),
        ('{"url":"https://x/y?token\\u003dabc\\u0026n\\u003d1"}', '{"url":"https://x/y?token\\u003d[redacted]\\u0026n\\u003d1"}'),
        ("{'password': 'it\\'s', 'n': 1}", "{'password': '[redacted]', 'n': 1}"),
        ("{ accessKey: 'x', cookies: [ 'a=b' ], n: 1 }", "{ accessKey: '[redacted]', cookies: [redacted], n: 1 }"),
        ("dbPassword=x MYSQL_PASSWORD=y APIKey=z n=1", "dbPassword=[redacted] MYSQL_PASSWORD=[redacted] APIKey=[redacted] n=1"),
        ('level=info password="a b" n=1', 'level=info password="[redacted]" n=1'),
        ("Authorization: Bearer abc\r\nHost: x", "Authorization: [redacted]\r\nHost: x"),
        ("Cookie: a=b; c=d\nHost: x", "Cookie: [redacted]\nHost: x"),
        ("(i) Method request headers: {Authorization=Bearer a, x-api-key=****ab, Cookie=a=b; c=d, Host=x}",
         "(i) Method request headers: {Authorization=[redacted], x-api-key=[redacted], Cookie=[redacted], Host=x}"),
        ("GET /x?access_token=a&n=1&X-Amz-Credential=b&X-Amz-Signature=c", "GET /x?access_token=[redacted]&n=1&X-Amz-Credential=[redacted]&X-Amz-Signature=[redacted]"),
        ("Server=h;Password=x;AccountKey=y;Database=d", "Server=h;Password=[redacted];AccountKey=[redacted];Database=d"),
        ("postgres://user:p@ss@host:5432/db", "postgres://user:[redacted]@host:5432/db"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=x/y, SignedHeaders=host;date, Signature=ab Host: x", "Authorization: [redacted] Host: x"),
        ('Authorization: Digest username="u", response="ab"\nHost: x', "Authorization: [redacted]\nHost: x"),
        ("got bearer 0123456789abcdef, and Basic dXNlcjpwYXNz!", "got [redacted], and [redacted]!"),
        (f"for {KEY_ID}: {JWT} n", "for [redacted]: [redacted] n"),
        ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4\n\nab+/=\n-----END RSA PRIVATE KEY-----\nn", "[redacted]\nn"),
        ('{"k":"-----BEGIN PRIVATE KEY-----\\nab","n":1}', '{"k":"[redacted]","n":1}'),
        ("ghp_" + "a1" * 18 + " xoxb-" + "1" * 12 + "-ab sk_live_" + "a1" * 12 + " AIza" + "a-1_b" * 7, "[redacted] [redacted] [redacted] [redacted]"),
        ("r=https%3A%2F%2Fx%3Ft%3D" + JWT, "r=https%3A%2F%2Fx%3Ft%3D[redacted]"),
    ],
)  # fmt: skip
def test_what_is_secret_goes_and_the_rest_stays(line, left):
    """In every form that a line shows a key and its value in, the value alone goes; what goes once does not go on."""
    assert DEFAULT.text(line) == left
    assert DEFAULT.text(left) == left


@pytest.mark.parametrize(
    "line",
    [
        "token expired, got a new secret; password: ",
        '{"nextToken":"eyJhIjoxfQ==","max_tokens":512,"tokens":3,"continuationToken":"abc","passwordless":"yes","secretArn":"arn"}',
        '{"message":"Unexpected token } in JSON","NextToken":"abcdef"}',
        "Bearer authentication failed: Basic authentication or bearer token expected, digest of basic tier",
        report(),
        f"{REQUEST} {TRACE} 1-5759e988-bd862e3fe1be46a994272793 sha256:{'0f' * 32} traceparent: 00-{TRACE}-53995c3f42cd8ad8-01",
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        "https://user@host:8080/a@b risk-management-service-and-so-on-and-on token::Error password == other",
        "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
        powertools("paid", correlation_id="order-17"),
    ],
)
def test_what_is_no_secret_is_not_touched(line):
    """Prose, pages' tokens, ids, hashes and certificates stay as they are."""
    assert DEFAULT.text(line) == line


def test_json_in_json_stays_json_at_every_depth():
    """However often JSON holds JSON, the value of the key goes, quotes and backslashes in it included, and all of it parses."""
    inner = {"password": 'hun"t\\er\\"2', "n": 'quo"te\\'}
    expected = {"password": MASK, "n": 'quo"te\\'}
    for _ in range(4):
        assert json.loads(DEFAULT.text(json.dumps(inner))) == expected
        inner, expected = {"m": json.dumps(inner), "k": 1}, {"m": json.dumps(expected), "k": 1}


HOSTILE = ['"password":', '"password":"', '{"password":[', "password='", "\\", '\\"', 'password:\\"', "eyJ", "eyJabcdefgh.", "x", "token=", "cookie: a;",
           "-----BEGIN PRIVATE KEY-----", "://:", "://a:b/", "Bearer ", "Basic a", 'Digest a="', "sk-", "SG.", "\\n", "password: ", "{[", "authorization: a ",
           "'", '"', "`", "([{", "}])", "' ", "'a ", "password=(", "password=[a ", "[password] => ", "<password>", '<a name="password">', "<a", "value=", "name=",
           "{'Name': 'password', 'Value': ", "('password', ", "['password', 'x', ", "--password x ", ':password "x" ', "curl -u a ", "&quot;password&quot;:",
           "password%3D", 'form-data; name="password"\r\n\r\n', "password: |\n ", 'Authorization: a b="c", ', 'string(5) "', "AKIA", "a:b@", "\\u0041", "'\\''",
           "password: 'a' + ", "password:\n  a", "4111 ", "a@b.", "::1 ", "1.2.3.4 "]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_cost_is_that_of_the_length(piece):
    """Four times as much of what is hostile costs about four times as much, not sixteen: no line can hold up a batch."""
    own = Redactor(patterns=[r"(a+)+$", r"([a-z]+)*@"], classes=["credit-cards", "emails", "ip-addresses"])
    assert cost(own, piece, 12_000) < 9 * cost(own, piece, 3_000) + 0.01


def cost(redactor, piece, length):
    """CPU seconds, the best of some runs, of all that may be done to a line."""
    line = "password=x " + piece * (length // len(piece))

    def once():
        before = time.process_time()
        redactor.lines([line], {purpose: [0] for purpose in redactor.expressions})
        return time.process_time() - before

    return min(once() for _ in range(3))
