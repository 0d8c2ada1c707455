"""Redaction, for all texts."""

import json
import string

from hypothesis import given
from hypothesis import strategies as st

from pipeline.extract import extract
from pipeline.redact import REDACTED, Redactor
from pipeline.scan import Scanner
from tests.events import REQUEST, TRACE, powertools, report

REDACTOR = Redactor()
SCANNER = Scanner({"secret": REDACTOR.worth_a_look})
_keys = st.sampled_from(["password", "x-api-key", "token", "Authorization", "kept", "message", "a.b", "clientSecret"]) | st.text(max_size=8)
_values = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20),
                       lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3), max_leaves=8)  # fmt: skip
_odd = st.text(alphabet=string.ascii_letters + "\"'\\[]{}:=,;&@/ \n-._\ud800ä", max_size=200)


@given(_odd | st.text(max_size=200))
def test_no_text_raises_and_twice_is_as_once(text):
    """Whatever stands in a line."""
    clean = REDACTOR.text(text)
    assert REDACTOR.text(clean) == clean


@given(_odd | st.builds(lambda key, value: f"{key}{value}", _keys, _odd))
def test_the_first_look_misses_nothing(text):
    """What the redactor would change is marked by the one pass over the batch."""
    if REDACTOR.text(text) != text:
        assert SCANNER.marks([text]).get("secret") == [0]


@given(st.dictionaries(_keys, _values, max_size=4), st.integers(0, 2))
def test_json_stays_json_of_the_same_keys(content, depth):
    """At any depth of JSON within JSON: it can be read, its keys are the same, what was secret says so, and the rest is untouched."""
    text = json.dumps(content)
    for _ in range(depth):
        text = json.dumps({"body": text})
    clean = REDACTOR.text(text)
    found = json.loads(clean)
    for _ in range(depth):
        found = json.loads(found["body"])
    assert list(found) == list(content)
    for key in ("kept", "message"):
        if key in content and "\\" not in text.replace('\\"', ""):
            assert (found[key] == content[key]) or REDACTED in clean
    if isinstance(content.get("password"), str) and content["password"]:
        assert found["password"] == REDACTED


@given(st.sampled_from([powertools("a", correlation_id="order-17"), report(), f"(52fdfc07-2182-454f-963f-5f0f9a621d72) X-ray Tracing ID : 1-{TRACE[:8]}-{TRACE[8:]}",
                        f"2026-11-24T10:00:00.000Z\t{REQUEST}\tINFO\tx Root=1-{TRACE[:8]}-{TRACE[8:]};Parent=0123456789abcdef;Sampled=1"]),
       st.sampled_from(["", " password=x", " Bearer abcdefghijkl", " token: abc"]))  # fmt: skip
def test_ids_survive(line, secret):
    """What a line says of its trace, request and correlation ids is the same without its secrets."""
    text = line.rstrip() + secret if not line.startswith("{") else json.dumps(json.loads(line) | {"password": secret})
    before, after = extract(text), extract(REDACTOR.text(text))
    assert (before.trace_id, before.request_id, before.correlation_ids, before.span_id) == (
        after.trace_id,
        after.request_id,
        after.correlation_ids,
        after.span_id,
    )
