"""Executions of Step Functions as spans of the waterfall."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.execution_spans import Step, step_of, with_execution_spans
from pipeline.search.waterfall import rows
from pipeline.search.waterfall_items import WaterfallItem
from tests.unit.logs.extract.test_states_record import ARN

MACHINE = "report-machine"
STRAIGHT = [
    (1, 0, "ExecutionStarted", "", 0), (2, 0, "TaskStateEntered", "Intake", 10), (3, 2, "TaskScheduled", "", 12), (4, 3, "TaskFailed", "", 20),
    (5, 4, "TaskScheduled", "", 30), (6, 5, "TaskSucceeded", "", 50), (7, 6, "TaskStateExited", "Intake", 60),
    (8, 7, "TaskStateEntered", "Execute", 61), (9, 8, "TaskScheduled", "", 62), (10, 9, "TaskFailed", "", 90), (11, 10, "ExecutionFailed", "", 95),
]  # fmt: skip
NESTED = [
    (1, 0, "ExecutionStarted", "", 0), (2, 0, "MapStateEntered", "Each", 5), (3, 2, "MapStateStarted", "", 6),
    (4, 3, "MapIterationStarted", "Each", 7), (5, 4, "PassStateEntered", "One", 8), (6, 3, "MapIterationStarted", "Each", 9),
    (7, 6, "PassStateEntered", "One", 10), (8, 7, "PassStateExited", "One", 12), (9, 5, "PassStateExited", "One", 20),
    (10, 9, "MapIterationSucceeded", "Each", 21), (11, 10, "MapStateSucceeded", "", 22), (12, 11, "MapStateExited", "Each", 23),
    (13, 12, "SucceedStateEntered", "Done", 24), (14, 13, "SucceedStateExited", "Done", 25), (15, 14, "ExecutionSucceeded", "", 26),
]  # fmt: skip


def step(number, previous, kind, state="", *, arn=ARN) -> Step:
    """An event."""
    return Step(key=f"line{number}", execution=arn, kind=kind, id=number, previous=previous, state=state)


def drawn(history, *more: WaterfallItem, shuffle=0):
    """The rows of a history, as depth, kind, text, offset, duration and failure."""
    items = [WaterfallItem(key=f"line{number}", is_span=False, at=1000.0 + at, service_name=MACHINE, text=kind)
             for number, _, kind, _, at in history] + list(more)  # fmt: skip
    steps = [step(*entry[:4]) for entry in history]
    random.Random(shuffle).shuffle(steps)
    return [(row.depth, row.kind, row.text, row.offset, row.duration, row.failed) for row in rows(with_execution_spans(items, steps))]


@pytest.mark.parametrize("shuffle", range(3))
def test_states_are_spans_inside_their_execution(shuffle):
    """Each lasts from its entry to its exit; a retried failure is none, and what was open when the execution failed failed with it."""
    spans = [row for row in drawn(STRAIGHT, shuffle=shuffle) if row[1] == "span"]
    assert spans == [
        (0, "span", "report-1787541941", 0, 95, True),
        (1, "span", "Intake", 10, 50, False),
        (1, "span", "Execute", 61, 34, True),
    ]
    lines = [(depth, text) for depth, kind, text, *_ in drawn(STRAIGHT, shuffle=shuffle) if kind == "log"]
    assert lines == [(2, "TaskScheduled"), (2, "TaskFailed"), (2, "TaskScheduled"), (2, "TaskSucceeded"), (1, "TaskStateExited"),
                     (2, "TaskScheduled"), (2, "TaskFailed"), (2, "ExecutionFailed")]  # fmt: skip


@pytest.mark.parametrize("shuffle", range(3))
def test_the_branches_of_a_map_stand_inside_it(shuffle):
    """States of one name in parallel branches are told apart by the events before them."""
    spans = [(depth, text, offset, duration) for depth, kind, text, offset, duration, _ in drawn(NESTED, shuffle=shuffle) if kind == "span"]
    assert spans == [(0, "report-1787541941", 0, 26), (1, "Each", 5, 18), (2, "One", 8, 12), (2, "One", 10, 2), (1, "Done", 24, 1)]


def test_an_execution_under_way_is_open():
    """Without an end nobody says how long it takes, and nothing failed."""
    spans = [row for row in drawn(STRAIGHT[:9]) if row[1] == "span"]
    assert spans == [
        (0, "span", "report-1787541941", 0, None, False),
        (1, "span", "Intake", 10, 50, False),
        (1, "span", "Execute", 61, None, False),
    ]


def test_what_xray_has_is_not_drawn_twice():
    """A span of the state machine's, and a log that begins amid the history, leave the lines as they are."""
    segment = WaterfallItem(key="s", is_span=True, at=1000.0, trace_id="1" * 32, span_ids=("a" * 16,), service_name=MACHINE, text=MACHINE)
    assert [text for _, kind, text, *_ in drawn(STRAIGHT, segment) if kind == "span"] == [MACHINE]
    assert {kind for _, kind, *_ in drawn(STRAIGHT[1:])} == {"log"}


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 12), st.sampled_from(sorted({kind for _, _, kind, *_ in STRAIGHT + NESTED})),
                          st.sampled_from(["", "a", "b"]), st.integers(0, 99)), max_size=12, unique_by=lambda entry: entry[0]))  # fmt: skip
def test_any_history_keeps_each_line(history):
    """However odd its events name each other, each line is one row, and drawing ends."""
    assert len([row for row in drawn(history) if row[1] in {"span", "log"}]) == len(history)


@pytest.mark.parametrize("attributes", [None, [], {}, {"id": "x"}, {"id": "7" * 30}, {"id": -1}, {"id": "0"}])
def test_a_line_without_an_event_is_none(attributes):
    """It stays a line."""
    assert step_of({"eventName": "states.TaskStateEntered", "attributes": attributes}) is None
    assert step_of({"eventName": "START", "attributes": {"id": "1"}}) is None


def test_a_stored_line_is_an_event():
    """As `ship` stores it."""
    stored = {"_id": "k", "eventName": "states.TaskStateExited", "attributes": {"details": {"name": "Intake"}, "id": "7",
              "previous_event_id": "6", "execution_arn": ARN, "type": "TaskStateExited"}}  # fmt: skip
    assert step_of(stored) == Step(key="k", execution=ARN, kind="TaskStateExited", id=7, previous=6, state="Intake")
