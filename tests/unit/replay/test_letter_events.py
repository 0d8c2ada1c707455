"""Dead letters become events again, with the ids that their log events had."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.configure import redactor_for
from pipeline.errors import BadInputError
from pipeline.logs.decode import LogBatch, LogEvent, decode_event
from pipeline.replay.letter_events import event_of_lines, event_of_record, kind_of, require_readable, segment_of, shipped_together
from pipeline.settings import Settings
from pipeline.ship import read
from pipeline.store.dead_letters import LONGEST, of_document
from pipeline.store.log_writer import RejectedDocument
from pipeline.store.stored_letters import StoredLetter
from tests.support.events import lambda_event

SETTINGS = Settings(region="eu-west-1")


def letter(id_="1", **fields):
    """A letter of a log event."""
    return StoredLetter(**{"id": id_, "at": "2026-11-29T10:00:00.000Z", "reason": "r", "content": "c", "index": "tracejoin-logs-2026.11.29",
                           "event_id": "1", "account": "1", "log_group": "g", "log_stream": "s"} | fields)  # fmt: skip


def stored(rejected):
    """A letter as it comes back from the index."""
    made = of_document(rejected)
    return letter(made.id, at=made.document["@timestamp"], content=made.document["document"], index=made.document["index"],
                  event_id=made.document["eventId"])  # fmt: skip


EVENTS = st.lists(
    st.builds(LogEvent, st.text(max_size=120), st.integers(-(10**10), 4 * 10**12), st.text(min_size=1, max_size=50)), min_size=1, max_size=4
)


@given(EVENTS)
def test_a_line_keeps_its_address(events):
    """Whatever its id, its time and its text: the event made of its letter has the document id that the event itself had."""
    lines = list(read(LogBatch("DATA_MESSAGE", "1", "g", "s", events), SETTINGS))
    letters = [stored(RejectedDocument(action, line, "r")) for action, line in lines]
    (batch,) = decode_event(event_of_lines(letters), max_bytes=10**7).batches
    again = [action.create.id for action, _ in read(batch, SETTINGS)]
    assert again == [action.create.id for action, _ in lines]


def test_a_line_behind_a_runtime_s_prefix_is_kept_whole():
    """Its level and its request id stand in the prefix, which the document's body lacks."""
    text = "[ERROR]\t2026-11-29T10:00:00.000Z\t52fdfc07-2182-454f-963f-5f0f9a621d72\tno stock\n"
    ((action, line),) = read(LogBatch("DATA_MESSAGE", "1", "g", "s", [LogEvent("1", 1, text)]), SETTINGS)
    assert stored(RejectedDocument(action, line, "r")).content == text
    assert line.body != text


def test_kinds_follow_from_what_a_letter_has():
    """An index: a line or a span; a log group alone: an entry; neither: a record."""
    found = [letter(), letter(index="tracejoin-spans-2026.11.29"), letter(index=""), letter(index="", log_group="")]
    assert [kind_of(each, "tracejoin") for each in found] == ["line", "span", "entry", "record"]


def test_lines_of_one_stream_go_together_and_all_others_alone():
    """In the order of the first of each, so that what stands before a group is done when it comes."""
    found = [letter("1"), letter("2", log_stream="t"), letter("3", index="", log_group=""), letter("4"), letter("5", index="")]
    assert [[each.id for each in group] for group in shipped_together(found, "tracejoin")] == [["1", "4"], ["2"], ["3"], ["5"]]


@pytest.mark.parametrize("at", ["", "yesterday", "9" * 400])
def test_a_letter_without_a_time_is_refused(at):
    """In words; no line gets a time that nobody wrote."""
    with pytest.raises(BadInputError, match="time"):
        event_of_lines([letter(at=at)])


def test_a_record_that_was_cut_is_refused():
    """The letter does not hold all of it."""
    with pytest.raises(BadInputError, match="not all of it"):
        event_of_record(letter(content="x" * LONGEST))


@given(st.text(max_size=200))
def test_any_content_is_an_event_or_refused(content):
    """Letters are documents that anybody with access to the index may have written."""
    for made in (segment_of, lambda each: require_readable(event_of_record(each), max_bytes=1000, whole=True)):
        with contextlib.suppress(BadInputError):
            made(letter(content=content))


def test_readable_in_part_is_enough_for_an_event_and_not_for_a_letter():
    """A good record goes, its bad neighbour becomes a letter; a letter that is half good would become another letter."""
    good, bad = lambda_event(["a", "b"])["awslogs"]["data"], "nonsense!"
    event = {"Records": [{"kinesis": {"data": data}} for data in (good, bad)]}
    assert require_readable(event, max_bytes=1000) == 2
    for wrong in (
        lambda: require_readable(event, max_bytes=1000, whole=True),
        lambda: require_readable({"Records": [{"data": bad}]}, max_bytes=1000),
    ):
        with pytest.raises(BadInputError, match="not base64"):
            wrong()


def test_redaction_of_a_letter_changes_nothing():
    """It was redacted when it was written; reading it once more leaves it as it is."""
    redactor = redactor_for(replace(SETTINGS, redact=True))
    once = redactor.text("password=hunter2 and token: abc")
    assert redactor.text(once) == once
