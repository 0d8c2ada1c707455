"""The targets: what they make of the corpus, and that each is able to fail."""

import json
from unittest.mock import patch

import pytest

from fuzz import campaign
from fuzz.__main__ import main
from fuzz.corpus import corpus_of
from fuzz.json_mutators import JsonMutator, places
from fuzz.registry import targets_of
from fuzz.text_mutators import TextMutator
from pipeline.logs.decode import DecodedEvent
from pipeline.model.display_controls import DISPLAY_CONTROLS

NAMES = ("lines", "envelopes", "segments", "spans", "answers", "redaction", "searches", "rules", "hints", "files", "alerts", "terminal")
# a function of the pipeline for each target, by what it is replaced
SPOILED = {
    "lines": ("pipeline.ship.correlate_batch", lambda lines, **_: None),
    "envelopes": ("fuzz.targets.envelopes.decode_event", lambda event, max_bytes: DecodedEvent()),
    "segments": ("fuzz.targets.traces.read_document", lambda *_, **__: []),
    "answers": ("pipeline.traces.look_up._read", lambda results, redactor: ([], results.popitem())),
    "redaction": ("pipeline.redact.redactor.Redactor.text", lambda self, text: text),
    "alerts": ("pipeline.alert.quotation._defanged", lambda line: line),
    "terminal": ("pipeline.model.display_controls._picture", lambda found: found[0]),
}


@pytest.fixture(scope="module")
def corpus():
    """The corpus of this repository."""
    return corpus_of()


@pytest.fixture(scope="module")
def targets(corpus):
    """Every target."""
    return targets_of(corpus)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_in_a_few_inputs(targets, name):
    """Each target reads most of what it makes, or refuses it with a documented error."""
    result = campaign.run(targets[name], range(40), total=40)
    assert result.failures == {}
    assert result.refused < 40


@pytest.mark.parametrize("name", SPOILED)
def test_each_target_is_able_to_fail(targets, name):
    """A pipeline that is spoiled on purpose is found out."""
    with patch(*SPOILED[name]):
        assert any(campaign.failure_of(targets[name], campaign.input_of(targets[name], seed)) for seed in range(60))


def test_every_target_is_listed(targets):
    """By the name that the command line takes."""
    assert tuple(targets) == NAMES


def test_a_corpus_takes_every_kind_of_file(tmp_path):
    """Logs, events whose data is packed, answers with documents in texts, spans on lines of their own."""
    event = {"awslogs": {"data": "eyJsb2dFdmVudHMiOlt7Im1lc3NhZ2UiOiJwYWNrZWQgbGluZSJ9XX0="}}
    document = {"Traces": [{"Segments": [{"Document": json.dumps({"id": "1", "start_time": 1, "name": "odd one"})}]}]}
    span = {"traceId": "t", "spanId": "s", "startTimeUnixNano": 1}
    for name, text in (("a.log", "first line\nsecond line\n"), ("b.json", json.dumps(event)), ("c.json", json.dumps(document)),
                       ("d.ndjson", f"{json.dumps(span)}\n{json.dumps(span)}\n")):  # fmt: skip
        (tmp_path / name).write_text(text)
    more, before = corpus_of([tmp_path]), corpus_of()
    assert set(more.lines) - set(before.lines) == {"first line\nsecond line\n", "first line", "second line", "packed line"}
    assert [segment["name"] for segment in more.segments[len(before.segments) :]] == ["odd one"]
    assert more.spans[len(before.spans) :] == [span, span]


def test_real_samples_are_taken(samples):
    """Third-party lines, events, segments and spans, where they are."""
    more, before = corpus_of([samples]), corpus_of()
    for name in ("lines", "documents", "segments", "spans"):
        assert len(getattr(more, name)) > len(getattr(before, name)), name


def test_mutations_know_the_formats(corpus):
    """They escape, nest, cut in a character, double, splice, change quotes and numbers, and keep what they begin with unchanged."""
    from random import Random

    mutator = TextMutator(['{"a": "é", "n": 12}'], corpus.pieces())
    texts = {mutator.mutated(Random(seed)) for seed in range(4000)}
    for part in ("\\\\", "[[[[", "\ud800", "\ufffd", "9" * 400, "'a'", '"a": "é", "n": 12}"a"'[:8], "Traceback", "\\u00e9"):
        assert any(part in text for text in texts), part
    assert any(DISPLAY_CONTROLS.search(text) for text in texts)
    value = {"a": [1, {"b": "text"}]}
    changed = {json.dumps(JsonMutator([value], mutator).mutated(Random(seed))) for seed in range(300)}
    assert len(changed) > 100
    assert value == {"a": [1, {"b": "text"}]}
    assert len(places([value])) == 5


def test_the_command_line_repeats_an_input_and_knows_its_targets(capsys):
    """One input by its seed, one probe by its seed, a small campaign; a target that is none is named."""
    assert main(["hints", "--seed", "3"]) == 0
    assert "hints: nothing fails" in capsys.readouterr().out
    assert main(["hints", "--seed", "3", "--growth"]) == 0
    assert "ns a character" in capsys.readouterr().out
    assert main(["hints", "searches", "--inputs", "20", "--probes", "1"]) == 0
    assert "40 inputs" in capsys.readouterr().out
    assert main(["nothing"]) == 2
    assert "there is no target nothing" in capsys.readouterr().err


def test_a_failing_input_is_printed_small(targets, capsys):
    """With exit status 1, as a case."""
    with patch("fuzz.__main__.targets_of", lambda _: targets), patch(*SPOILED["terminal"]):
        seed = next(seed for seed in range(60) if campaign.failure_of(targets["terminal"], campaign.input_of(targets["terminal"], seed)))
        assert main(["terminal", "--seed", str(seed)]) == 1
        case, kind = capsys.readouterr().out.splitlines()
        assert len(json.loads(case)["input"]) == 1
        assert kind == "terminal: Violation: nothing steers"
