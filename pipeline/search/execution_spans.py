"""Execution spans: draws a Step Functions execution and its states as spans, out of the history in its log. Pure.

X-Ray has spans of an execution only where the state machine is traced; its log tells the same: when each state was entered and left, inside
which one, and what failed. A span takes the place of the line that begins it, so a reader opens that line.

Source: AWS Step Functions API reference, "HistoryEvent": `previous_event_id` leads from each event to the one before it in its branch.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pipeline.search.waterfall_items import WaterfallItem

STATES_EVENTS: Final = "states."
"""How the event names of a state machine's lines begin."""
_ENTERED, _EXITED = "StateEntered", "StateExited"
_STARTED: Final = "ExecutionStarted"
_ENDED: Final = frozenset({"ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"})
_FAILED: Final = ("Failed", "TimedOut", "Aborted")
_NO_EVENT: Final = 0
_LARGEST_ID: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An event in the history of an execution.

    Attributes:
        key: the id of the line's document.
        execution: the ARN of the execution.
        kind: the type of the event.
        id, previous: its number, and that of the event before it in its branch; 0 for none.
        state: the name of the state that it enters or leaves; else empty.
    """

    key: str
    execution: str
    kind: str
    id: int
    previous: int
    state: str


def step_of(document: Mapping[str, Any]) -> Step | None:
    """Returns the event that a stored line of a state machine's log holds; None where the document is another, or names no event."""
    event, attributes = str(document.get("eventName") or ""), document.get("attributes")
    if not event.startswith(STATES_EVENTS) or not isinstance(attributes, Mapping):
        return None
    number, details = _number(attributes.get("id")), attributes.get("details")
    name = details.get("name") if isinstance(details, Mapping) else None
    if not number:
        return None
    return Step(
        key=str(document.get("_id") or ""), execution=str(attributes.get("execution_arn") or ""), kind=event.removeprefix(STATES_EVENTS),
        id=number, previous=_number(attributes.get("previous_event_id")), state=name if isinstance(name, str) else "",
    )  # fmt: skip


def with_execution_spans(items: Sequence[WaterfallItem], steps: Iterable[Step]) -> list[WaterfallItem]:
    """Returns the items of a waterfall with the executions of ``steps``, lines among them, as spans with their other lines inside.

    An execution stays as its lines where X-Ray has a span of its state machine, or its log does not tell when it began.
    """
    traced = {item.service_name for item in items if item.is_span}
    by_key = {item.key: item for item in items}
    executions: dict[str, dict[int, Step]] = {}
    for step in steps:
        if step.id > _NO_EVENT and step.key in by_key and by_key[step.key].service_name not in traced:
            executions.setdefault(step.execution, {})[step.id] = step
    for history in executions.values():
        by_key |= _Execution([history[number] for number in sorted(history)], by_key).drawn()
    return [by_key[item.key] for item in items]


@dataclass(slots=True)
class _State:
    """A state as far as its events are known: its first event, the one that it is inside, when it ended, whether it failed."""

    begin: Step
    above: int
    end: float | None = None
    failed: bool = False


@dataclass(slots=True)
class _Execution:
    """The history of one execution, in the order of its events.

    Attributes:
        inside: by event, the number of the event that entered the state in which it happened; 0 for none.
        states: by that number.
    """

    history: Sequence[Step]
    items: Mapping[str, WaterfallItem]
    inside: dict[int, int] = field(default_factory=dict)
    states: dict[int, _State] = field(default_factory=dict)

    def drawn(self) -> dict[str, WaterfallItem]:
        """The items of its lines by key: spans, and lines that stand inside them."""
        begin = next((step for step in self.history if step.kind == _STARTED), None)
        if begin is None:
            return {}
        for step in self.history:
            self._take(step)
        last = next((step for step in reversed(self.history) if step.kind in _ENDED), None)
        end = self._at(last) if last else None
        failed = last is not None and last.kind.endswith(_FAILED)
        spans = {begin.key: self._span(begin, "", end, failed=failed)}
        for state in self.states.values():
            above = self._span_id(state.above)
            # what was never left ended with the execution
            over = state.end is None and end is not None
            spans[state.begin.key] = self._span(
                state.begin, above, end if over else state.end, failed=state.failed and state.end in (None, end)
            )
        lines = {step.key: self.items[step.key] for step in self.history if step.key not in spans}
        homes = {step.key: self._span_id(self.inside[step.id]) for step in self.history}
        return spans | {key: replace(line, span_ids=(homes[key],)) for key, line in lines.items()}

    def _take(self, step: Step) -> None:
        """Notes in which state an event happened, and what it says of that."""
        at = self.inside.get(step.previous, _NO_EVENT)
        if step.kind.endswith(_ENTERED):
            self.states[step.id] = _State(step, above=at)
            at = step.id
        elif step.kind.endswith(_EXITED):
            at = self._left(step, at)
        elif step.kind.endswith(_FAILED) and at in self.states:
            self.states[at].failed = True
        self.inside[step.id] = at

    def _left(self, step: Step, at: int) -> int:
        """Ends the innermost state of this name; returns the state around it."""
        found = at
        while found in self.states and self.states[found].begin.state != step.state:
            found = self.states[found].above
        if found not in self.states:
            return at
        # a failure before was retried or caught
        self.states[found].end, self.states[found].failed = self._at(step), False
        return self.states[found].above

    def _span(self, begin: Step, above: str, end: float | None, *, failed: bool) -> WaterfallItem:
        line = self.items[begin.key]
        number = begin.id if begin.kind.endswith(_ENTERED) else _NO_EVENT
        name = begin.state or begin.execution.rpartition(":")[2]
        lasted = None if end is None or line.at is None else max(end - line.at, 0.0)
        return replace(line, is_span=True, duration=lasted, span_ids=(self._span_id(number),), parent_id=above,
                       text=name, failed=failed, trace_id="", caused_by=(), is_segment=not above)  # fmt: skip

    def _span_id(self, number: int) -> str:
        return f"{self.history[0].execution} {number}"

    def _at(self, step: Step) -> float | None:
        return self.items[step.key].at


def _number(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _LARGEST_ID else _NO_EVENT
