"""Export: a transaction as a file, from the command."""

import pytest

from pipeline.model.timestamps import nanos_of
from pipeline.search.query import SearchQuery
from pipeline.search.search import search
from tests.support.command import rows, tracejoin
from tests.support.documents import indexed
from tests.support.events import TRACE, lambda_event, powertools
from tests.support.otlp import read, values
from tests.support.world import Case, new_salt


@pytest.fixture
def case(store, settings):
    """A world in which everything has settled."""
    case = Case(store, settings, new_salt())
    case.finish()
    return case


def run(settings, *arguments):
    """Runs the command on the test's own indices."""
    return tracejoin("export", *arguments, TRACEJOIN_ENDPOINT=settings.endpoint, TRACEJOIN_PREFIX=settings.prefix)


def stored(store, documents):
    """These documents as they are in the index."""
    return [dict(hit.source) for hit in store.get_many([(document["_index"], document["_id"]) for document in documents])]


def test_a_transaction_comes_out_as_it_is_stored(case, store, settings, tmp_path):
    """Its traces first, then every line and span in time order, of all of its traces; the same to a file and to stdout."""
    path = tmp_path / "incident.jsonl"
    status, output, errors = run(settings, case.world.one)
    found = rows(output)
    assert (status, run(settings, case.world.one, "--output", path)[0], rows(path.read_text())) == (0, 0, found)
    assert [{name: value for name, value in each.items() if name not in {"_index", "_id"}} for each in found] == stored(store, found)
    kinds = [each["doc"]["kind"] for each in found]
    traces = kinds.count("trace")
    assert kinds[:traces] == ["trace"] * traces
    assert {each["_id"] for each in found[traces:]} == {
        each["_id"] for each in search(SearchQuery(ids=(case.world.one,), whole=True, limit=0), store)
    }
    times = [nanos_of(each["@timestamp"]) for each in found[traces:]]
    assert times == sorted(times)
    assert f"exported {kinds.count('log')} lines and {kinds.count('span')} spans of {traces} traces" in errors
    assert rows(run(settings, f"cart-{case.world.salt}")[1])[0]["_index"] == f"{settings.prefix}-traces"


def test_another_tools_parser_reads_it(case, settings, tmp_path):
    """The parser of opentelemetry-proto finds every span and line, with its ids, times, parents and texts."""
    documents = rows(run(settings, case.world.one)[1])
    path = tmp_path / "incident.otlp.jsonl"
    assert run(settings, case.world.one, "--otlp", "--output", path)[0] == 0
    spans, records = read(path.read_text().splitlines())
    wanted = {each["spanId"]: each for each in documents if each["doc"]["kind"] == "span"}
    assert {span.span_id.hex() for _, span in spans} == wanted.keys()
    for resource, span in spans:
        expected = wanted[span.span_id.hex()]
        assert (span.trace_id.hex(), span.parent_span_id.hex(), span.name) == (
            expected["traceId"],
            expected["parentSpanId"],
            expected["name"],
        )
        assert span.end_time_unix_nano - span.start_time_unix_nano == expected["durationInNanos"]
        assert resource["service.name"] == expected["serviceName"]
    lines = {each["eventId"]: each for each in documents if each["doc"]["kind"] == "log"}
    assert len(records) == len(lines)
    for _, record in records:
        shown = values(record.attributes)
        expected = lines[shown["log.record.uid"]]
        assert (record.trace_id.hex(), record.body.string_value) == (expected.get("traceId", ""), expected["body"])
        assert shown["log.record.original"] == expected.get("log.record.original", expected["body"])
    assert True in {values(record.attributes)["tracejoin.trace.hiddenFault"] for _, record in records}


def test_an_unknown_id_writes_nothing(store, settings, tmp_path):
    """No empty file pretends to be an incident, and an earlier one stays."""
    path = tmp_path / "incident.jsonl"
    for arguments in ((), ("--output", path), ("--otlp", "--output", path)):
        status, output, errors = run(settings, "nobody", *arguments)
        assert (status, output, errors, path.exists()) == (1, "", "tracejoin: nothing is known of nobody\n", False)
    status, _, errors = run(settings, "nobody", "--output", tmp_path)
    assert (status, "is a directory" in errors) == (2, True)


def test_a_file_that_can_not_be_written_is_named(case, settings, tmp_path):
    """One clear line, and no half a file."""
    status, _, errors = run(settings, case.world.one, "--output", tmp_path / "no" / "file")
    assert (status, "No such file or directory" in errors, list(tmp_path.iterdir())) == (2, True, [])


def test_hostile_text_steers_no_terminal(store, settings):
    """What a line holds is escaped, and means the same."""
    indexed(lambda_event([powertools("\u001b[31mred\u202e end")]), store, settings)
    expected = "\u001b[31mred\u202e end"
    _, output, _ = run(settings, TRACE)
    _, otlp, _ = run(settings, TRACE, "--otlp")
    assert not {"\u001b", "\u202e"} & {*output, *otlp}
    assert rows(output)[-1]["body"] == expected
    assert read(otlp.splitlines())[1][0][1].body.string_value == expected


@pytest.mark.parametrize("id_", ["", " "])
def test_no_id_is_nothing_and_not_everything(case, settings, id_):
    """As in a script whose variable is empty."""
    status, output, errors = run(settings, id_)
    assert (status, output) == (2, "")
    assert "it is empty" in errors


@pytest.mark.parametrize("place", ["missing/x", "file/x", "n" * 256])
def test_a_bad_place_is_one_sentence(case, settings, tmp_path, place):
    """Nothing is written, and nothing is left behind."""
    (tmp_path / "file").touch()
    status, _, errors = run(settings, case.world.one, "--output", tmp_path / place)
    assert (status, "Traceback" in errors, [path.name for path in tmp_path.iterdir()]) == (2, False, ["file"])
