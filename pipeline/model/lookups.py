"""Lookups: whether the source of a trace answered, by the look-ups that were made."""

from collections.abc import Iterable
from typing import Final

from pipeline.model.facts import LookupFact, Outcome
from pipeline.model.trace_state import TraceState

FAILED: Final[frozenset[Outcome]] = frozenset({"unreachable", "denied"})
"""The outcomes of look-ups that the source did not answer: it could not be reached, or refused the credentials."""

_ENOUGH_IN_VAIN = 2


def answered(state: TraceState) -> list[LookupFact]:
    """Returns the look-ups that the source answered, in time order."""
    return [fact for fact in _in_order(state) if fact.outcome not in FAILED]


def failed_since_answer(state: TraceState) -> list[LookupFact]:
    """Returns the look-ups after the last answered one, all of which failed, in time order."""
    last = max((fact.at for fact in answered(state)), default=0)
    return [fact for fact in _in_order(state) if fact.outcome in FAILED and fact.at > last]


def is_source_away(state: TraceState) -> bool:
    """Whether a trace is to be judged by its lines alone for now: its source refuses, or did not answer twice in a row."""
    failed = failed_since_answer(state)
    return len(failed) >= _ENOUGH_IN_VAIN or any(fact.outcome == "denied" for fact in failed)


def _in_order(state: TraceState) -> Iterable[LookupFact]:
    return sorted(state.lookups.values(), key=lambda fact: fact.at)
