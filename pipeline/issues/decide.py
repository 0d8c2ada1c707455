"""Decide: finds the issue that a person means, and stores what they decided."""

import re
from typing import Final

import msgspec

from pipeline.errors import BadInputError, WrongUsageError
from pipeline.issues.decision import Decision, decided
from pipeline.issues.issue import Issue
from pipeline.issues.issue_records import IssueRecords
from pipeline.issues.sightings import count_sightings, examples_of
from pipeline.store.client import Store

_ID: Final = re.compile(r"[0-9a-f]{16}")
_BEGINNING: Final = re.compile(r"[0-9a-f]{4,15}")
_MOST_SHOWN: Final = 5


def find_issue(store: Store, text: str) -> Issue:
    """Returns the issue with this id, or the only one whose id begins with it.

    Raises WrongUsageError where the text has not the form of an id, and BadInputError where there is none, or are several.
    """
    given = text.strip().lower()
    records = IssueRecords(store)
    if _ID.fullmatch(given):
        if issue := records.load([given])[given]:
            return issue
        raise BadInputError(f"there is no issue {given}: `tracejoin issues` lists them")
    if not _BEGINNING.fullmatch(given):
        raise WrongUsageError(f"{text[:40]!r} is no issue's id: expected 16 of 0-9 and a-f, or the first four or more of them")
    records.refresh()
    found = list(records.scan({"prefix": {"issue.id": given}}))
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadInputError(f"no issue's id begins with {given}: `tracejoin issues` lists them")
    several = ", ".join(issue.id for issue in found[:_MOST_SHOWN])
    raise BadInputError(f"{len(found)} issues begin with {given}: {several}; give more digits")


def decide(store: Store, issue_id: str, decision: Decision) -> tuple[Issue, Issue]:
    """Stores a decision; returns the issue before and after it, the same object where the decision says nothing new.

    Of two that come at once, the later one is made about what the earlier one left. A `resolve` without a version has that of the newest
    trace. Raises BadInputError where there is no such issue, or the decision makes no sense for it.
    """
    seen = count_sightings(store, [issue_id])
    if decision.verb == "resolve" and not decision.version:
        newest = examples_of(store, issue_id, most=1)
        decision = msgspec.structs.replace(decision, version=newest[0].sighting.version if newest else "")

    def grow(issue: Issue | None, wanted: Decision) -> Issue | None:
        if issue is None:
            raise BadInputError(f"there is no issue {issue_id}: `tracejoin issues` lists them")
        return decided(issue, wanted, issue.total(seen[issue_id].days if issue_id in seen else {}))

    before, after = IssueRecords(store).change({issue_id: decision}, grow)[issue_id]
    if before is None or after is None:
        raise BadInputError(f"there is no issue {issue_id}: `tracejoin issues` lists them")
    return before, after
