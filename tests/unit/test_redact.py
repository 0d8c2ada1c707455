"""What is taken out of a line, and what is not."""

import json
import time
from threading import Thread

import pytest

from pipeline.configure import redactor_for
from pipeline.errors import MisconfiguredError
from pipeline.logs.decode import LogBatch, LogEvent
from pipeline.logs.extract.read_lines import read_lines
from pipeline.redact.prefilter import Prefilter
from pipeline.redact.redactor import DEFAULT, MASK, Redactor
from pipeline.settings import Settings
from pipeline.ship import read
from pipeline.traces.otel_spans import read_span
from pipeline.traces.xray_segments import read_document
from tests.events import REQUEST, TRACE, call, powertools, report, service

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


def test_neighbours_of_a_marked_line_stay_as_they_are():
    """One line of many is changed, wherever it stands, beside lines that are not ASCII, or hold line ends, NULs, half characters."""
    neighbours = ["é\n漢字", "\0\ud800", "", "plain", "x" * 10_000]
    for place in range(len(neighbours) + 1):
        messages = [*neighbours]
        messages.insert(place, "é password=hunter2")
        texts, _ = read_lines(messages)
        assert [text for text in texts if text not in neighbours] == ["é password=[redacted]"]
        assert len(texts) == len(messages)


def test_what_a_line_says_is_said_of_what_is_left():
    """Body, attributes and correlation ids are made of the redacted line; its trace and request are there."""
    _, (line,) = read_lines([powertools(f"login with {JWT}", correlation_id=KEY_ID, password="hunter2", n=[1])])
    assert (line.trace_id, line.request_id, line.body, line.correlation_ids) == (TRACE, REQUEST, "login with [redacted]", (MASK,))
    assert json.loads(bytes(line.attributes)) | {"password": MASK, "n": [1]} == json.loads(bytes(line.attributes))


def test_ids_of_documents_do_not_depend_on_what_is_secret():
    """A line without an event id gets the same document id with redaction and without; a long line is cut of what is left of it."""
    batch = LogBatch("DATA_MESSAGE", "1", "g", "s", [LogEvent("", 1, "password=hunter2 " + "x" * 100)])
    found = [next(iter(read(batch, Settings(redact=redact, max_line_chars=20)))) for redact in (True, False)]
    (with_it, redacted), (without, whole) = found
    assert with_it.create.id == without.create.id
    assert (redacted.body, whole.body) == ("password=[redacted] ", "password=hunter2 xxx")


def test_segments_and_spans_hold_nothing_secret():
    """URL, metadata, annotations, SQL, exceptions and stack frames, as text and as objects, at any depth; so do OTLP's attributes."""
    broken = {"exceptions": [{"message": "refused: password=hunter2", "type": "E", "stack": [{"path": "x?token=hunter2", "line": 1}]}]}
    document = service(
        metadata={"default": {"headers": {"X-Api-Key": "hunter2", "n": "kept"}}}, annotations={"token": "hunter2"},
        http={"request": {"url": "https://u:hunter2@x/y?access_token=hunter2&n=kept"}}, sql={"url": "postgres://u:hunter2@h/kept"},
        subsegments=[call("mail", "cccccccccccccccc", cause=broken)],
    )  # fmt: skip
    attributes = [{"key": "http.request.header.authorization", "value": {"stringValue": "hunter2"}},
                  {"key": "n", "value": {"stringValue": "kept"}}]  # fmt: skip
    span = {"traceId": TRACE, "spanId": "53995c3f42cd8ad8", "name": "GET", "attributes": attributes}
    for form in (json.dumps, lambda content: json.dumps(content).encode(), lambda content: content):
        for segments in (read_document(form(document)), [read_span(form(span))]):
            assert "hunter2" not in repr(segments)
            assert "kept" in repr(segments)
            assert segments[0].trace_id == TRACE
    assert repr(document).count("hunter2") == 7
    assert "hunter2" in repr(read_document(document, redactor=Redactor(on=False)))


def test_keys_and_patterns_are_added_and_taken_away():
    """A key of one's own in every spelling, one that is meant as a whole, a default that is none any more; a pattern beside them."""
    settings = Settings.from_environment({
        "TRACEJOIN_REDACT_KEYS": "card-number, =pin,!=token", "TRACEJOIN_REDACT_PATTERNS": r"\b4\d{15}\b;(?i)é+mail-\w+",
    })  # fmt: skip
    text = redactor_for(settings).text
    assert text("cardNumber=1 CARD_NUMBER=2 pin=3 shippin=4 userPin=5 token=6 password=7") == (
        "cardNumber=[redacted] CARD_NUMBER=[redacted] pin=[redacted] shippin=4 userPin=5 token=6 password=[redacted]"
    )
    assert text("漢 4111111111111111, 41111111111111112 ÉMAIL-x mail-y") == "漢 [redacted], 41111111111111112 [redacted] mail-y"
    assert redactor_for(settings) is redactor_for(settings)


def test_every_fault_of_these_settings_is_named():
    """What is no key, no default, no regular expression, matches nothing, or needs to look back: each with its number."""
    faults = {
        "TRACEJOIN_REDACT": ("maybe", "must be on or off"),
        "TRACEJOIN_REDACT_KEYS": ("ok,!card", "'!card' takes away what is no default"),
    }
    for pattern in ("(", "a*", r"(a)\1", "a(?=b)"):
        faults["TRACEJOIN_REDACT_PATTERNS"] = (f"fine;{pattern}", f"pattern 2 ({pattern}): ")
        with pytest.raises(MisconfiguredError) as raised:
            Settings.from_environment({name: value for name, (value, _) in faults.items()})
        assert all(any(name in problem and told in problem for problem in raised.value.problems) for name, (_, told) in faults.items())
    with pytest.raises(MisconfiguredError, match="no name of a key"):
        Settings.from_environment({"TRACEJOIN_REDACT_KEYS": "a|b"})


def test_redaction_can_be_turned_off():
    """Off, nothing at all is changed."""
    off = redactor_for(Settings.from_environment({"TRACEJOIN_REDACT": "OFF"}))
    line = f'{{"password":"hunter2","m":"{JWT}"}}'
    assert off.text(line) == line
    assert off.value({"password": "x"}) == {"password": "x"}
    assert read_lines([line], (), off)[0] == [line]


HOSTILE = ['"password":', '"password":"', '{"password":[', "password='", "\\", '\\"', 'password:\\"', "eyJ", "eyJabcdefgh.", "x", "token=", "cookie: a;",
           "-----BEGIN PRIVATE KEY-----", "://:", "Bearer ", "Basic a", 'Digest a="', "sk-", "SG.", "\\n", "password: ", "{[", "authorization: a "]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_cost_is_that_of_the_length(piece):
    """Twice as much of what is hostile costs about twice as much, not four times: no line can hold up a batch."""
    own = Redactor(patterns=[r"(a+)+$", r"([a-z]+)*@"])
    assert cost(own, piece, 80_000) < 3 * cost(own, piece, 40_000) + 0.01


def cost(redactor, piece, length):
    """CPU seconds, the best of some runs, of all that may be done to a line."""
    line = "password=x " + piece * (length // len(piece))

    def once():
        before = time.process_time()
        redactor.lines([line], {purpose: [0] for purpose in redactor.expressions})
        return time.process_time() - before

    return min(once() for _ in range(4))


def test_threads_may_share_a_scanner():
    """Ten threads find in their own lines what is there, each time: the scanner's memory is used by one at a time."""
    scanner, wrong = Prefilter({"a": ["aa"], "b": ["bb"]}), []

    def look(number):
        messages = ["xx"] * number + ["aabb"] + ["yy"] * 2000
        wrong.extend(found for _ in range(50) if (found := scanner.scan(messages)) != {"a": [number], "b": [number]})

    threads = [Thread(target=look, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert scanner.scan([]) == {"a": [], "b": []}
