"""What holds of redaction for any line."""

import json

from hypothesis import given
from hypothesis import strategies as st

from fuzz.writers import PLAIN, QUOTING
from pipeline.logs.extract.read_lines import read_lines
from pipeline.model.trace_ids import to_xray
from pipeline.redact.redactor import DEFAULT, MASK, Redactor
from pipeline.redact.secret_keys import DEFAULT_NAMES
from pipeline.redact.secret_values import find_values

OFF = Redactor(on=False)
keys = st.sampled_from(["password", "apiKey", "Authorization", "token", "cookie", "n", "level", "message", "nextToken"]) | st.text(
    max_size=4
)
words = st.sampled_from(
    ["hunter2", "Bearer abcdefgh1", "eyJabcdefgh.abcd.ab", "a=b; c=d", "password=", "token: x", "://u:p@h", "-----BEGIN PRIVATE KEY-----"]
)
# what may make a line of any shape
pieces = st.lists(
    keys | words | st.sampled_from([*"\"'\\=:{}[],&;<> \n", "\\n", '\\"', '":"', "=>", "\\u003d"]) | st.text(max_size=3), max_size=14
).map("".join)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | words | pieces,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4) | inner.map(json.dumps),
    max_leaves=8,
)


def shape(content):
    """The keys of a JSON value, at every depth, but below those that were redacted."""
    if isinstance(content, dict):
        return {key: None if value == MASK else shape(value) for key, value in content.items()}
    return [shape(value) for value in content] if isinstance(content, list) else None


def pruned(content, left):
    """``content`` without what ``left`` no longer shows the inside of."""
    if left == MASK:
        return MASK
    if isinstance(content, dict) and isinstance(left, dict):
        return {key: pruned(value, left.get(key)) for key, value in content.items()}
    return [pruned(*pair) for pair in zip(content, left, strict=True)] if isinstance(content, list) and isinstance(left, list) else content


@given(pieces | st.text(max_size=100))
def test_no_line_raises_and_what_is_gone_stays_gone(line):
    """Any text is redacted; once more changes nothing of keys and their values."""
    once = DEFAULT.text(line)
    assert DEFAULT.text(once) == once


secret_names = st.sampled_from(["password", "apiKey", "x-api-key", "Authorization", "client_secret", "db_pass"])
harmless_names = st.sampled_from(["user", "count", "level", "nextToken", "host", "state"])
plain_words = st.from_regex(r"[a-z][a-z0-9]{2,8}", fullmatch=True)
odd_words = st.lists(plain_words | st.sampled_from(list(" '\"\\`,;:=&<>()[]{}\n")), max_size=6).map("".join)


@st.composite
def planted(draw, words):
    """A nested object with a secret under a secret key, beside harmless entries, some levels deep."""
    secret = f"{draw(words)}hunter2{draw(words)}"
    content = {
        draw(harmless_names): f"kept{draw(plain_words)}",
        draw(secret_names): draw(st.sampled_from([secret, [secret], [secret, secret]])),
    }
    content = dict(draw(st.permutations(list(content.items()))))
    for _ in range(draw(st.integers(0, 3))):
        entry = draw(st.sampled_from([content, [content], [{"n": None}, content]]))
        content = {draw(harmless_names): f"kept{draw(plain_words)}"} | {"inner": entry} | {"n": draw(st.integers())}
    return content


@given(
    planted(odd_words),
    st.sampled_from(sorted(QUOTING)),
    st.sampled_from(["", "[INFO]\t", "INFO: got ", "[main] INFO - "]),
    st.integers(0, 2),
)
def test_a_planted_secret_goes_in_languages_that_quote(content, language, prefix, depth):
    """However it is rendered, and however deep the rendering is in strings of JSON; JSON stays JSON, and neighbours stay."""
    line = prefix + QUOTING[language](content)
    for _ in range(depth):
        line = json.dumps({"message": line})
    left = DEFAULT.text(line)
    assert "hunter2" not in left
    assert left.count("kept") == line.count("kept")
    if depth or (language in {"json", "pretty"} and not prefix):
        json.loads(left)


@given(planted(plain_words), st.sampled_from(sorted(PLAIN)), st.sampled_from(["", "[INFO]\t", "INFO: got "]), st.integers(0, 2))
def test_a_planted_secret_goes_in_languages_that_do_not_quote(content, language, prefix, depth):
    """As above; nothing tells where a text ends that holds marks of the language itself."""
    line = prefix + PLAIN[language](content)
    for _ in range(depth):
        line = json.dumps({"message": line})
    left = DEFAULT.text(line)
    assert "hunter2" not in left
    assert left.count("kept") == line.count("kept")


@given(st.dictionaries(keys, values, max_size=5), st.booleans())
def test_json_stays_json_with_the_same_keys(content, ascii_only):
    """A JSON line parses after redaction, has its keys at every depth that is left, and the values of secret keys are gone."""
    text = json.dumps(content, ensure_ascii=ascii_only)
    left = json.loads(DEFAULT.text(text))
    assert shape(left) == shape(pruned(content, left))
    for name in ("password", "apiKey", "Authorization", "token"):
        assert left.get(name) in (None, True, False, "", [], {}, MASK)


@given(st.dictionaries(keys, values, max_size=5))
def test_a_value_is_redacted_as_its_text_is(content):
    """An object loses the values of its secret keys as its JSON does."""
    left = DEFAULT.value(content)
    assert shape(left) == shape(pruned(content, left))
    assert all(left[name] in (None, True, False, "", MASK) or left[name] in ([], {}) for name in ("password", "token") if name in left)


uuids = st.uuids().map(str)
trace_ids = st.from_regex(r"[1-9a-f][0-9a-f]{31}", fullmatch=True)
span_ids = st.from_regex(r"[1-9a-f][0-9a-f]{15}", fullmatch=True)


@given(trace_ids, span_ids, uuids, uuids)
def test_no_id_that_extraction_finds_is_ever_touched(trace, span, request, correlation):
    """Trace, span, request and correlation ids in the lines that hold them stand as they stood, and are read as they are."""
    header = f"Root={to_xray(trace)};Parent={span};Sampled=1"
    lines = [
        json.dumps({"level": "INFO", "message": "paid", "function_request_id": request, "xray_trace_id": to_xray(trace), "correlation_id": correlation}),
        json.dumps({"traceparent": f"00-{trace}-{span}-01", "x-correlation-id": correlation, "headers": {"X-Amzn-Trace-Id": header}}),
        f"START RequestId: {request} Version: $LATEST\n",
        f"REPORT RequestId: {request}\tDuration: 1 ms\t\nXRAY TraceId: {to_xray(trace)}\tSegmentId: {span}\tSampled: true\t\n",
        f"2026-11-24T10:00:00.000Z\t{request}\tINFO\tcorrelation id={correlation} trace_id={trace}",
        f"({request}) Method request headers: {{X-Amzn-Trace-Id={header}, x-correlation-id={correlation}, Host=h}}",
    ]  # fmt: skip
    assert [DEFAULT.text(line) for line in lines] == lines
    # and with a secret beside it
    marked = [
        line.replace("{", '{"password":"hunter2",', 1) if line.startswith("{") else f"{line.rstrip()} password=hunter2" for line in lines
    ]
    for found, expected in zip(read_lines(marked)[1], read_lines(lines, (), OFF)[1], strict=True):
        assert "hunter2" not in found.body
        assert (found.trace_id, found.span_id, found.request_id, found.correlation_ids) == (
            expected.trace_id, expected.span_id, expected.request_id, expected.correlation_ids)  # fmt: skip


@given(st.sampled_from(DEFAULT_NAMES), st.sampled_from(["{}", "db_{}", "X-{}"]), st.sampled_from(["_", "-", ""]), st.booleans(),
       st.sampled_from(['{{"{}":"hunter2"}}', "{}=hunter2", "{}: hunter2", "{{'{}': 'hunter2'}}", "?{}=hunter2&n=1", '{{"m":"{{\\"{}\\":\\"hunter2\\"}}"}}',
                        '"{}" : [ "hunter2" ]']))  # fmt: skip
def test_each_default_key_is_known_in_each_spelling(name, prefix, between, upper, form):
    """Words of a key run together or not, in any case, with words before them; what is meant as a whole stands alone."""
    key = name.lstrip("=*").replace("_", between)
    if name.startswith("*"):
        key = f"any{between or '_'}{key}"
    elif not name.startswith("="):
        key = prefix.format(key)
    assert "hunter2" not in DEFAULT.text(form.format(key.upper() if upper else key))


@given(pieces)
def test_edits_are_in_the_text(line):
    """Each value of any key is a part of the line, and not empty."""
    for edit in find_values(line, lambda _key: True):
        assert 0 <= edit.start < edit.end <= len(line)
