"""Lookups: whether the source of a trace answered, by the look-ups that were made."""

from collections.abc import Iterable
from typing import Final

from pipeline.model.facts import LookupFact, Outcome
from pipeline.model.trace_state import TraceState

FAILED: Final[frozenset[Outcome]] = frozenset({"unreachable", "denied"})
"""The outcomes of look-ups that the source did not answer: it could not be reached, or refused the credentials."""

XRAY_KEEPS_DAYS: Final = 30
"""How long X-Ray keeps traces (AWS X-Ray endpoints and quotas); with Transaction Search their log group decides."""

_ENOUGH_IN_VAIN = 2
_ENOUGH_WITHOUT_SPANS = 2
# a look-up that ended so found all the spans that there were, or says that its source has none
_WITH_SPANS: Final[frozenset[Outcome]] = frozenset({"found", "limitExceeded", "sourceDisabled", "subscribed", "expired"})


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


def may_be_a_part(state: TraceState) -> bool:
    """Whether the spans of a trace may be a part of what a look-up found: OpenSearch refused others, or a worker ended in between.

    Then no look-up that found them is noted, since spans are written before their record. Spans that came through aws/spans alone look the
    same: they are looked up as well, twice at most, and not while the source is away.
    """
    outcomes = [fact.outcome for fact in answered(state)]
    asked = len(outcomes) >= _ENOUGH_WITHOUT_SPANS or not _WITH_SPANS.isdisjoint(outcomes) or bool(failed_since_answer(state))
    return bool(state.segments) and not asked


def _in_order(state: TraceState) -> Iterable[LookupFact]:
    return sorted(state.lookups.values(), key=lambda fact: fact.at)
