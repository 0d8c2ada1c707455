"""Issue records: loads stored issues and changes them by compare-and-set, so that of two writers at once none undoes the other's change."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar, get_args

import msgspec

from pipeline.errors import UnavailableError
from pipeline.issues.issue import Due, Issue
from pipeline.model.timestamps import iso_millis
from pipeline.store.client import Store
from pipeline.store.compare_and_set import merge_until_written
from pipeline.store.results import Hit
from pipeline.store.together import Writer, write_alone

F = TypeVar("F")
_DUE: Final[Mapping[str, Any]] = {"terms": {"issue.due": [due for due in get_args(Due) if due]}}
_DAYS_OF_A_YEAR: Final = 365


class IssueRecords:
    """The issues stored in OpenSearch."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index = f"{store.prefix}-issues"

    def load(self, issue_ids: Iterable[str]) -> dict[str, Issue | None]:
        """Returns the stored issue of each id, None where nothing is stored; realtime."""
        ids = list(issue_ids)
        hits = self._store.get_many([(self._index, id_) for id_ in ids])
        return {id_: _read(hit) if hit else None for id_, hit in zip(ids, hits, strict=True)}

    def change(self, facts: Mapping[str, F], grow: Callable[[Issue | None, F], Issue | None],
               loaded: Mapping[str, Issue | None] | None = None) -> dict[str, tuple[Issue | None, Issue | None]]:  # fmt: skip
        """Changes issues; returns by id how each was and how it is.

        Args:
            facts: what changes each issue, by its id.
            grow: returns an issue after such a fact; the same object where nothing changes. It is called again where a concurrent writer
                was first.
            loaded: issues that were loaded before, and need not be loaded first.

        Raises UnavailableError where OpenSearch does not take an issue: the same call is safe to repeat.
        """
        before: dict[str, Issue | None] = {}

        def grown(issue: Issue | None, fact: tuple[str, F]) -> Issue | None:
            before[fact[0]] = issue
            return grow(issue, fact[1])

        keyed = {id_: (id_, fact) for id_, fact in facts.items()}
        after, left = write_alone(merge_until_written(keyed, load=self.load, grow=grown, write=self._writing, loaded=loaded), self._store)
        if left:
            raise UnavailableError(f"others kept changing {len(left)} issues")
        return {id_: (before[id_], issue) for id_, issue in after.items()}

    def claim(self, issue: Issue) -> Issue | None:
        """Writes an issue as it was read, so that a concurrent worker that read it, too, finds it changed; None where that was faster."""
        return write_alone(self._writing([issue]), self._store).get(issue.id)

    def scan(self, query: Mapping[str, Any]) -> Iterator[Issue]:
        """Yields the issues that match, first seen first; sees only refreshed documents."""
        yield from (_read(hit) for hit in self._store.scan(query, index=self._index))

    def due(self) -> Iterator[Issue]:
        """Yields the issues that somebody is to be told of; sees only refreshed documents."""
        yield from self.scan(_DUE)

    @property
    def due_search(self) -> tuple[str, Mapping[str, Any]]:
        """The search of `due`: an index and a query."""
        return self._index, _DUE

    def refresh(self) -> None:
        """Makes earlier writes visible to `scan` and `due`."""
        self._store.refresh(f"{self._index}*")

    def delete(self, issue: Issue) -> bool:
        """Deletes an issue that is unchanged since it was read; returns whether it was."""
        condition = self._store.compare_and_set(self._index, issue.id, issue.seq_no, issue.primary_term)["index"]
        (result,) = self._store.write([{"delete": condition}])
        if not (result.ok or result.conflict or result.gone):
            result.raise_for_failure(f"the deletion of issue {issue.id}")
        return result.ok

    def purge(self) -> int:
        """Deletes resolved issues that no trace showed for a year; returns how many."""
        return self._store.delete_older(self._index, "lastSeenAt", days=_DAYS_OF_A_YEAR, query=[{"term": {"issue.state": "resolved"}}])

    def _writing(self, issues: list[Issue | None]) -> Writer[dict[str, Issue | None]]:
        changed = [issue for issue in issues if issue]
        lines: list[object] = []
        for issue in changed:
            lines += [self._store.compare_and_set(self._index, issue.id, issue.seq_no, issue.primary_term), _document(issue)]
        written: dict[str, Issue | None] = {}
        for issue, result in zip(changed, (yield lines), strict=True):
            if result.ok:
                written[issue.id] = msgspec.structs.replace(issue, seq_no=result.seq_no, primary_term=result.primary_term)
            elif not result.conflict:
                result.raise_for_failure(f"issue {issue.id}")
        return written


def _document(issue: Issue) -> dict[str, Any]:
    content = msgspec.to_builtins(issue)
    return {
        "@timestamp": iso_millis(issue.first_seen_at),
        "lastSeenAt": iso_millis(issue.last_seen_at),
        "doc": {"kind": "issue"},
        "serviceName": issue.fingerprint.service,
        "issue": {name: value for name, value in content.items() if name not in {"seqNo", "primaryTerm"}},
    }


def _read(hit: Hit) -> Issue:
    try:
        issue = msgspec.convert(hit.source["issue"], Issue)
    except (KeyError, msgspec.ValidationError) as error:
        raise UnavailableError(f"{hit.index}/{hit.id} holds no issue ({error}): was it written by a newer version of tracejoin?") from error
    return msgspec.structs.replace(issue, seq_no=hit.seq_no, primary_term=hit.primary_term)
