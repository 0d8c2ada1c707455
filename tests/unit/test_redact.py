"""What is secret goes, by its key or its form; everything else stays, and JSON stays JSON."""

import json
import time

import pytest

from pipeline.redact import DEFAULT_KEYS, REDACTED, Redactor, redactor_for
from pipeline.scan import Scanner
from pipeline.settings import Settings

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF123_-"
KEYS = ("password", "dbPassword", "DB_PASSWORD", "x-api-key", "X-Api-Key", "apiKey", "api_key", "client_secret", "clientSecret", "aws_secret_access_key",
        "accessToken", "refresh_token", "id.token", "Authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "private_key", "X-Amz-Security-Token")  # fmt: skip
HARMLESS = (
    "nextToken",
    "continuation_token",
    "max_tokens",
    "tokens",
    "passwordless",
    "secretName",
    "keyboard",
    "author",
    "tokenCount",
    "clientRequestToken",
)
redact = Redactor().text


@pytest.mark.parametrize("key", KEYS)
def test_a_value_goes_by_its_key_in_every_form(key):
    """JSON, JSON in JSON, Python's rendering, key=value, a query string; what stands around stays."""
    inner = json.dumps({key: 'hun"ter\\2', "kept": 1})
    forms = [inner, json.dumps({"body": inner}), json.dumps({"event": json.dumps({"body": inner})}), repr({key: "hunter2", "kept": 1}),
             f"{key}: hunter2, kept=1", f'"{key}" : 12345, "kept": 1', f"{key}='hunter2' kept"]  # fmt: skip
    # the value of a header may hold anything
    forms += [] if key.lower().endswith(("authorization", "cookie")) else [f"{key}=hunter2&kept=1"]
    for text in forms:
        clean = redact(text)
        assert "hun" not in clean.replace("hundred", "") and "12345" not in clean, clean
        assert key in clean and "kept" in clean and REDACTED in clean, clean
        assert redact(clean) == clean


@pytest.mark.parametrize("key", HARMLESS)
def test_other_keys_stay(key):
    """Pages' tokens, counters, names that only look like it."""
    text = json.dumps({key: "hunter2"})
    assert redact(text) == text


@pytest.mark.parametrize(("text", "clean"), [
    ("Authorization: Bearer abc.def", f"Authorization: {REDACTED}"),
    ("sent Bearer abcdefghij.klm to it", f"sent {REDACTED} to it"),
    ("{Authorization=Basic dXNlcjpwYXNz, Cookie=a=b; c=d, Host=x, X-Amzn-Trace-Id=Root=1-5759e988-bd862e3fe1be46a994272793}",
     f"{{Authorization={REDACTED}, Cookie={REDACTED}, Host=x, X-Amzn-Trace-Id=Root=1-5759e988-bd862e3fe1be46a994272793}}"),
    ("key AKIAIOSFODNN7EXAMPLE is used", f"key {REDACTED} is used"),
    (f"token is {JWT}.", f"token is {REDACTED}."),
    ("postgres://app:pa55w0rd@db:5432/x", f"postgres://app:{REDACTED}@db:5432/x"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY----- tail", f"{REDACTED} tail"),
    ("ghp_" + "a" * 36, REDACTED), ("xoxb-123456789012-abc", REDACTED), ("sk_live_abcdefghijkl", REDACTED),
    ("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/x, SignedHeaders=host, Signature=abc", REDACTED),
    ('{"multiValueHeaders": {"Authorization": ["Bearer x", "y"]}, "k": 1}', f'{{"multiValueHeaders": {{"Authorization": "{REDACTED}"}}, "k": 1}}'),
    ("GET /x?X-Amz-Signature=abc&X-Amz-Date=1", f"GET /x?X-Amz-Signature={REDACTED}&X-Amz-Date=1"),
])  # fmt: skip
def test_what_goes_by_its_form_and_in_headers(text, clean):
    """Headers, keys of AWS, JWTs, private keys, tokens of others, connection strings, presigned URLs."""
    assert redact(text) == clean
    assert redact(clean) == clean


@pytest.mark.parametrize("text", [
    "token expired", "the password is wrong", '{"password": null, "token": true, "secret": ""}', "1-5759e988-bd862e3fe1be46a994272793",
    "START RequestId: 52fdfc07-2182-454f-963f-5f0f9a621d72 Version: $LATEST", "https://example.com:443/path@x", "https://host/a:b@c", "Basic health check is fine",
])  # fmt: skip
def test_what_is_no_secret_stays(text):
    """Prose, values that say nothing, ids, URLs."""
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        '{"password": "never closed',
        '"password":"a"password":"b"',
        'password="\\',
        '{"secret": [1, {"a": "]"',
        '"token":' * 5,
        "password=",
        '{"a\\"password": "x"}',
    ],
)
def test_broken_texts_do_not_raise(text):
    """What never closes goes up to the end; nothing raises, and twice is as once."""
    assert redact(redact(text)) == redact(text)


def test_keys_and_patterns_of_a_user():
    """Added to the defaults, or taken out; a pattern takes what it matches."""
    settings = Settings(redact_keys=("card-number", "*-pin", "!cookie"), redact_patterns=(r"[0-9]{4}-[0-9]{4}", "ACME[a-z]+"))
    clean = redactor_for(settings).text("cardNumber=4111 user_pin=99 pinned=1 cookie=a 1234-5678 ACMEsecret, ACME")
    assert clean == f"cardNumber={REDACTED} user_pin={REDACTED} pinned=1 cookie=a {REDACTED} {REDACTED}, ACME"
    assert redactor_for(Settings(redact=False)) is None
    assert redactor_for(Settings(redact_keys=("!*-password",))).text("password=a token=b") == f"password=a token={REDACTED}"


@pytest.mark.parametrize("text", [name.replace("*-", "my_") + "=hunter2" for name in DEFAULT_KEYS if not name.startswith("!")]
                         + ["Bearer abcdefghij", "AKIAIOSFODNN7EXAMPLE", JWT, "-----BEGIN PRIVATE KEY-----", "ghp_" + "a" * 36, "github_pat_" + "a" * 30,
                            "xoxb-123456789012", "sk_live_abcdefghijkl", "AIza" + "a" * 35, "AWS4-HMAC-SHA256 Credential=x", "x://u:p@h", "ACMEsecret"])  # fmt: skip
def test_the_first_look_misses_nothing(text):
    """Whatever the redactor changes, the one pass over a batch marks; what stands in other lines is left alone."""
    redactor = Redactor(patterns=("ACME[a-z]+",))
    assert redactor.text(text) != text
    scanner = Scanner({"secret": redactor.worth_a_look})
    for lines in ([text], ["quiet", text, "quiet"], ["ä\ud800 " * 9, "", f"ü {text}"]):
        assert scanner.marks(lines) == {"secret": [lines.index(next(line for line in lines if text in line))]}


@pytest.mark.parametrize(("name", "value", "said"), [
    ("PATTERNS", "[0-9", "pattern 1"), ("PATTERNS", "ok+\n(?<=a)b", "pattern 2"), ("PATTERNS", "a*", "pattern 1"),
    ("KEYS", "card number", "is no key"), ("", "maybe", "on or off"),
])  # fmt: skip
def test_settings_that_cannot_work_are_named(name, value, said):
    """At start, with what is wrong: a broken pattern, one that looks around, one that matches nothing at all."""
    from pipeline.errors import MisconfiguredError

    with pytest.raises(MisconfiguredError, match=said):
        Settings.from_environment({f"TRACEJOIN_REDACT{'_' if name else ''}{name}": value})


@pytest.mark.parametrize(
    "piece",
    [
        '"password":"',
        "password=",
        '\\"token\\":\\"',
        "Bearer ",
        "eyJaaaaaaaa",
        "://a:",
        "[{",
        "-----BEGIN PRIVATE KEY-----",
        "a-b_c.d",
        '\\\\\\\\"',
    ],
)
def test_cost_follows_the_length(piece):
    """A hostile line of twice the length costs about twice as much: least of several rounds, as a ratio in one run."""

    def cost(text):
        rounds = []
        for _ in range(5):
            begun = time.process_time()
            redact(text)
            rounds.append(time.process_time() - begun)
        return min(rounds)

    short, long = (piece * (size // len(piece)) for size in (40_000, 160_000))
    assert cost(long) <= 12 * max(cost(short), 0.001)
