"""Propagated headers: a sender's header in every language's rendering, the line's own, and W3C's test vectors in both forms."""

import json

import pytest

from pipeline.logs.decode import LogBatch, LogEvent
from pipeline.logs.extract.read_lines import extract
from pipeline.model.trace_ids import to_xray
from pipeline.settings import Settings
from pipeline.ship import read
from tests.support.events import OTHER, REQUEST, TRACE, powertools

PARENT = "53995c3f42cd8ad8"
SENT = f"Root={to_xray(OTHER)};Parent={PARENT};Sampled=0"
W3C = f"00-{OTHER}-{PARENT}-00"
NODE = f"2026-11-24T10:00:00.000Z\t{REQUEST}\tINFO\t"
RENDERINGS = {
    "Go": "map[Host:[x] X-Amzn-Trace-Id:[{}]]",
    "Java": "received {{Host=x, X-Amzn-Trace-Id={}, Accept=*/*}}",
    "Gson": '{{"attributes":{{"AWSTraceHeader":"{gson}"}}}}',
    "Ruby": '{{"attributes"=>{{"AWSTraceHeader"=>"{}"}}}}',
    "PHP": "Array\n(\n    [AWSTraceHeader] => {}\n)\n",
    "PHP's var_dump": 'array(1) {{\n  ["AWSTraceHeader"]=>\n  string(90) "{}"\n}}',
    "Python's bytes": "[(b'x-amzn-trace-id', b'{}')]",
    "Node.js": "{{\n  attributes: {{ AWSTraceHeader: '{}' }}\n}}",
    "escaped JSON": r'{{"body":"{{\"headers\":{{\"x-amzn-trace-id\":\"{}\"}}}}"}}',
    "Rust": 'headers: {{"x-amzn-trace-id": "{}"}}',
    "a header": "GET / HTTP/1.1\r\nX-AMZN-TRACE-ID: {}\r\nHost: x",
}


@pytest.mark.parametrize("prefix", ["", NODE], ids=["bare", "prefixed"])
@pytest.mark.parametrize("name", RENDERINGS)
def test_a_senders_header(name, prefix):
    """Bare and behind a runtime's prefix, a header's trace is propagated, with its sampling."""
    line = extract(prefix + RENDERINGS[name].format(SENT, gson=SENT.replace("=", r"\u003d")))
    assert (line.propagated_trace_ids, line.trace_id, line.sampled) == ((OTHER,), OTHER, False)


@pytest.mark.parametrize(
    "attribute",
    [f'{{"traceparent": {{"Type": "String", "Value": "{W3C}"}}}}', f'{{"traceparent": {{"Value": "{W3C}", "Type": "String"}}}}',
     f"{{'traceparent': {{'dataType': 'String', 'stringListValues': [], 'stringValue': '{W3C}'}}}}",
     f"{{ traceparent: {{ stringValue: '{W3C}', dataType: 'String' }} }}", f'[{{"Value": "{W3C}", "Name": "traceparent"}}]',
     f"{{traceparent={{stringValue: {W3C},stringListValues: [],dataType: String}}}}", f"map[Traceparent:[{W3C}]]", f"TRACEPARENT={W3C}",
     json.dumps({"Message": json.dumps({"traceparent": W3C})})],
)  # fmt: skip
def test_a_w3c_header_in_a_message(attribute):
    """It is found in the attributes of a message in any order, and by its name in any case."""
    assert extract(attribute).propagated_trace_ids == (OTHER,)


@pytest.mark.parametrize(
    "fields", ["Parent={p};Root={r};Sampled=1", "SAMPLED=1;ROOT={r}", "root={r}; parent={p}; sampled=1", "Self=1-5-4;Lineage=a:1|b:2;Root={r};Sampled=1",
               r"Root\u003d{r};Sampled\u003d1"],
)  # fmt: skip
def test_fields_in_any_order_and_case(fields):
    """A header keeps its sampling wherever its fields are."""
    line = extract("got " + fields.format(r=to_xray(OTHER), p=PARENT))
    assert (line.trace_id, line.sampled) == (OTHER, True)


@pytest.mark.parametrize(
    "label", ["_X_AMZN_TRACE_ID=", "_X_AMZN_TRACE_ID: '", 'xrayTraceId="', 'xrayTraceId: Some("', "trace_id=", '{"env": {"_X_AMZN_TRACE_ID": "',
              '\x1b[3mxrayTraceId\x1b[0m\x1b[2m=\x1b[0m"', "com.amazonaws.xray.traceHeader=", '{"x-correlation-trace-id": "'],
)  # fmt: skip
def test_the_lines_own_header(label):
    """A header that the line labels as its own is a claim, also beside a sender's."""
    own = f"Root={to_xray(TRACE)};Parent={PARENT};Sampled=1"
    for text in (f"{label}{own}", f"{label}{own}, got {{AWSTraceHeader={SENT}}}"):
        line = extract(text)
        assert (line.trace_id, line.sampled, line.propagated_trace_ids) == (TRACE, True, (OTHER,) if "got" in text else ())


def test_a_claim_counts_more_than_a_header():
    """A key of a JSON line, or an id before a printed event, names the line's trace; the header beside it is the sender's."""
    assert extract(powertools("got", event={"headers": {"TRACEPARENT": W3C}})).propagated_trace_ids == (OTHER,)
    line = extract(f"trace_id={to_xray(TRACE)} got {{AWSTraceHeader={SENT}}}")
    assert (line.trace_id, line.propagated_trace_ids) == (TRACE, (OTHER,))
    same = extract(powertools("got", trace=OTHER, event={"AWSTraceHeader": SENT}))
    assert (same.trace_id, same.propagated_trace_ids) == (OTHER, ())


def test_several_senders():
    """A batch of messages has a trace for each; the line that shows them has none by itself."""
    line = extract(str([{"AWSTraceHeader": SENT}, {"AWSTraceHeader": SENT.replace(to_xray(OTHER), to_xray(TRACE))}]))
    assert (line.trace_id, line.propagated_trace_ids) == (None, (OTHER, TRACE))


def test_the_headers_of_several_senders_give_a_program_no_trace():
    """A container that prints a batch of messages from several senders has no trace, and its documents say so."""
    batch = LogBatch(
        "DATA_MESSAGE",
        "1",
        "/ecs/checkout",
        "s",
        [LogEvent("1", 1, f"AWSTraceHeader=Root={to_xray(OTHER)} AWSTraceHeader=Root={to_xray(TRACE)}")],
    )
    _, line = read(batch, Settings()).parts
    assert (line.trace_id, line.propagated_trace_ids, line.id_source) == (None, (OTHER, TRACE), "none")


@pytest.mark.parametrize("text", ["Root=1-5e34a614-10bdxmplf1fb44f07bc535a1", f"Root={to_xray(OTHER)}0", f"trace-parent: {W3C}", f"traceparent: {W3C}.",
                                  f"traceparent: {W3C}, {W3C.replace(OTHER, TRACE)}", f"traceparent: {W3C.upper()}"])  # fmt: skip
def test_no_header(text):
    """Placeholders, headers that are cut or longer, other names, and a traceparent that is there twice are none."""
    assert extract(text).propagated_trace_ids == ()


@pytest.mark.parametrize("form", ["key", "header"])
def test_w3c_vectors(samples, form):
    """What W3C's own test suite accepts is found, and what it refuses is not."""
    vectors = json.loads((samples / "w3c_trace_context" / "vectors.json").read_text())
    tried = 0
    for vector in vectors:
        headers = dict(vector["headers"])
        if vector["verdict"] == "none" or sum(name.lower() == "traceparent" for name, _ in vector["headers"]) > 1:
            continue
        line = extract(json.dumps({"level": "INFO", "message": "m", **headers} if form == "key" else
                                  {"level": "INFO", "message": {"httpMethod": "GET", "headers": headers}}))  # fmt: skip
        shown = {line.trace_id, *line.propagated_trace_ids} - {None}
        assert shown == ({vector["trace_id_is"]} if vector["verdict"] == "accept" else set()), vector["id"]
        tried += 1
    assert tried == 51
