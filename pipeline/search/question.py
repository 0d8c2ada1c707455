"""Question: reads what a person types into a search bar or behind `tracejoin search`, and writes it again. Pure; see docs/search.md.

    service:orders level:error since:2h "order not found" 1-5759e988-bd862e3fe1be46a994272793 timeout -healthcheck

Terms stand side by side, with white space between: a key with its value, a phrase in quotation marks, or a bare word or id. A minus
before a term excludes what it finds.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import Any, Final

from pipeline.errors import WrongUsageError
from pipeline.model.trace_ids import parse_trace_id
from pipeline.search.comparisons import duration_bounds, status_bounds
from pipeline.search.pasted_ids import is_id, is_log_line
from pipeline.search.query import LEVELS, STATES, SearchQuery
from pipeline.search.time_expressions import parse_time

KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {"service": "service", "level": "level", "kind": "kind", "state": "state", "status": "status", "edge": "edge_status",
     "duration": "duration", "hidden": "hidden_faults", "group": "log_group",
     "tenant": "tenant", "annotation": "annotations", "since": "since", "until": "until", "text": "text", "phrase": "phrase", "id": "ids",
     "trace": "trace_id", "correlation": "correlation_id", "request": "request_id", "exact": "whole"}
)  # fmt: skip
"""The keys of the language, each with the field of SearchQuery that it sets."""

_ALIASES: Final = {
    "log-group": "group", "hidden-faults": "hidden", "trace-id": "trace", "correlation-id": "correlation", "request-id": "request",
    "tenant-id": "tenant", "tenantid": "tenant", "edge-status": "edge", "edgestatus": "edge", "httpstatus": "status",
}  # fmt: skip
_ONCE: Final = frozenset({"level", "since", "until", "hidden", "exact"})
_NEVER_EXCLUDED: Final = frozenset({"since", "until", "exact"})
_KINDS: Final = ("log", "span")
_YES: Final = ("yes", "no")
_TERM: Final = re.compile(
    rf"""(?P<minus>-(?=\S))?(?:(?P<key>{"|".join([*KEYS, *_ALIASES])}):)?(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>\S*))""",
    re.DOTALL | re.IGNORECASE,
)
_ESCAPED: Final = re.compile(r'\\(["\\])')
# not the names of resources, and addresses
_LIKE_A_KEY: Final = re.compile(r"(?!arn:|urn:)([A-Za-z][A-Za-z_-]{0,30}):(?!//)\S", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a question.

    Attributes:
        value: what stands behind the key, between the quotation marks, or alone.
        key: one of KEYS; empty for a bare word or id. A phrase in quotation marks has the key `phrase`.
        excluded: whether a minus stands before it.
    """

    value: str
    key: str = ""
    excluded: bool = False

    def __str__(self) -> str:
        """The term as a person would type it."""
        minus, key = "-" if self.excluded else "", f"{self.key}:" if self.key and self.key != "phrase" else ""
        needs_quotes = self.key == "phrase" or (bool(self.key) and (not self.value or re.search(r'[\s"\\]', self.value) is not None))
        return f"{minus}{key}{_quoted(self.value) if needs_quotes else self.value}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question as its terms, in the order in which they were typed."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        """The question as a person would type it; reading it gives the same question."""
        return " ".join(map(str, self.terms))

    def values(self, key: str) -> list[str]:
        """Returns the values of a key that are asked for, and not excluded."""
        return [term.value for term in self.terms if term.key == key and not term.excluded]

    def with_term(self, key: str, value: str) -> "Question":
        """Returns the question with a further term; where a key can be given once alone, the new value replaces the old one."""
        term = Term(value, key)
        kept = self.without_key(key).terms if key in _ONCE else self.terms
        return self if term in self.terms else Question((*kept, term))

    def without_key(self, *keys: str) -> "Question":
        """Returns the question without the terms of these keys."""
        return Question(tuple(term for term in self.terms if term.key not in keys))

    def without_term(self, term: Term) -> "Question":
        """Returns the question without one of its terms."""
        return Question(tuple(each for each in self.terms if each != term))


def parse_question(text: str) -> Question:
    """Reads a question. Raises WrongUsageError, whose text is one sentence, where a quotation mark is not closed or a key has no value."""
    if is_log_line(text):
        return Question((Term(text.strip()),))
    terms: list[Term] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TERM.match(text, at)
        assert found
        terms.append(_term(found))
        at = found.end()
    # a tracing header may hold spaces
    is_header = len(terms) > 1 and _are_bare(terms) and parse_trace_id(text)
    return Question((Term(text.strip()),) if is_header else tuple(terms))


def parse_arguments(arguments: Iterable[str]) -> Question:
    """Reads the arguments of a command: each a part of a question. One of bare words alone stays one word, as an id with spaces is."""
    terms: list[Term] = []
    for argument in arguments:
        found = parse_question(argument).terms
        terms += [Term(argument.strip())] if len(found) > 1 and _are_bare(found) else found
    return Question(tuple(terms))


def search_query(question: Question, *, now: datetime, zone: tzinfo | None = None, **options: Any) -> SearchQuery:
    """Makes a SearchQuery of a question; its ids stand for their whole transactions, unless it says `exact:yes`.

    Args:
        question: what a person asks.
        now: the present, aware.
        zone: the zone of times without one; None for the system's own.
        options: fields of SearchQuery that are given beside the question. One that takes several values gets those of both.

    Raises WrongUsageError, whose text is one sentence, where a value is none of its key, or a key that counts once is given twice.
    """
    reader = _Reader(now, zone)
    fields = {"whole": True} | reader.read([term for term in question.terms if not term.excluded])
    fields["excluded"] = (*fields.get("excluded", ()), *reader.excluded([term for term in question.terms if term.excluded]))
    for name, value in options.items():
        if name == "whole":
            fields[name] = fields[name] and value
        elif isinstance(value, tuple) and name in fields:
            fields[name] = (*value, *fields[name])
        elif value and fields.get(name, value) != value:
            raise WrongUsageError(f"{name} is given twice, as an option and in the question: it counts once")
        else:
            fields.setdefault(name, value)
    return SearchQuery(**fields)


def filter_names(question: Question, options: Mapping[str, Any]) -> dict[str, str]:
    """Returns what to call the filters of `query.clauses` that terms of a question set, by option of the command line: as they are typed.

    ``options`` holds the fields of SearchQuery that options set beside the question: what both set has the names of both.
    """
    given = {_option_of(name, value) for name, values in options.items() for value in (values if isinstance(values, tuple) else (values,))}
    found: dict[str, list[str]] = {}
    for term in question.terms:
        if term.key and not term.excluded:
            found.setdefault(_option_of(KEYS[term.key], term.value), []).append(str(term))
    return {option: " and ".join([*([option] if option in given else []), *terms]) for option, terms in found.items()}


def _option_of(field: str, value: Any) -> str:
    """The option that sets a field of SearchQuery to such a value."""
    if field == "duration":
        return "--min-duration" if str(value).lstrip().startswith(">") else "--max-duration"
    return "--annotation" if field == "annotations" else f"--{field.replace('_', '-')}"


def unknown_key(word: str) -> str:
    """Returns the key in a bare word that looks like a key with its value; empty where it does not."""
    found = _LIKE_A_KEY.match(word)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads terms into fields of SearchQuery."""

    now: datetime
    zone: tzinfo | None

    def read(self, terms: Sequence[Term]) -> dict[str, Any]:
        """The fields that these terms set."""
        fields: dict[str, Any] = {}
        for term in terms:
            if not term.key or (term.key == "phrase" and is_id(term.value)):
                _append(fields, "ids" if parse_trace_id(term.value) else "words", term.value)
            elif term.key in _ONCE:
                self._set(fields, term)
            else:
                _append(fields, KEYS[term.key], _CHOICES[term.key](term) if term.key in _CHOICES else term.value)
        return fields

    def excluded(self, terms: Sequence[Term]) -> list[tuple[str, SearchQuery]]:
        """What each of these terms finds, beside the term."""
        for term in terms:
            if term.key in _NEVER_EXCLUDED:
                raise WrongUsageError(f"{term} excludes nothing: take the minus away")
        return [(str(term), SearchQuery(**self.read([term]))) for term in terms]

    def _set(self, fields: dict[str, Any], term: Term) -> None:
        value = self._once(term)
        if fields.setdefault(KEYS[term.key], value) != value:
            raise WrongUsageError(f"{term.key}: is given twice: it counts once")
        if term.key == "hidden" and not value:
            _append(fields, "excluded", (str(term), SearchQuery(hidden_faults=True)))

    def _once(self, term: Term) -> Any:
        if term.key == "level":
            return _one_of(term, tuple(LEVELS))
        if term.key in {"hidden", "exact"}:
            return (_one_of(term, _YES) == "yes") is (term.key == "hidden")
        return self._time(term)

    def _time(self, term: Term) -> datetime:
        try:
            return parse_time(term.value, now=self.now, zone=self.zone, end=term.key == "until")
        except WrongUsageError as error:
            raise WrongUsageError(f"{term.key}: {error}") from None


_CHOICES: Final[Mapping[str, Callable[[Term], str]]] = {
    "kind": lambda term: _one_of(term, _KINDS),
    "state": lambda term: _one_of(term, STATES),
    "status": lambda term: _checked(term, status_bounds),
    "edge": lambda term: _checked(term, status_bounds),
    "duration": lambda term: _checked(term, duration_bounds),
}


def _are_bare(terms: Iterable[Term]) -> bool:
    return not any(term.key or term.excluded for term in terms)


def _term(found: re.Match[str]) -> Term:
    name = (found["key"] or "").lower()
    key, quoted, bare = _ALIASES.get(name, name), found["quoted"], found["bare"]
    if quoted is None and bare.startswith('"'):
        raise WrongUsageError(f"{found[0][:60]} has a quotation mark without a second one: close it")
    value = _ESCAPED.sub(r"\1", quoted) if quoted is not None else bare
    key = key or ("phrase" if quoted is not None else "")
    if key and not value.strip():
        raise WrongUsageError(f"{key}: has no value: write it right behind the colon, such as {_EXAMPLES[key]}")
    return Term(value, key, found["minus"] is not None)


def _append(fields: dict[str, Any], name: str, value: Any) -> None:
    fields[name] = (*fields.get(name, ()), value)


def _one_of(term: Term, allowed: Sequence[str]) -> str:
    by_name = {name.lower(): name for name in allowed}
    if term.value.lower() not in by_name:
        raise WrongUsageError(f"{term.key}:{term.value[:60]} is unknown: {term.key} is one of {', '.join(allowed)}")
    return by_name[term.value.lower()]


def _checked(term: Term, read: Callable[[str], object]) -> str:
    """The value of a term that ``read`` can read."""
    try:
        read(term.value)
    except WrongUsageError as error:
        raise WrongUsageError(f"{term.key}: {error}") from None
    return term.value


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_EXAMPLES: Final = {
    "service": "service:orders", "level": "level:error", "kind": "kind:span", "state": "state:pending", "status": "status:5xx",
    "edge": "edge:5xx", "duration": "duration:>500ms", "hidden": "hidden:yes",
    "group": "group:/aws/lambda/orders", "tenant": "tenant:acme", "annotation": "annotation:path=/orders", "since": "since:2h",
    "until": "until:15m", "text": "text:timeout", "phrase": 'phrase:"not found"', "id": "id:order-7",
    "trace": "trace:1-5759e988-bd862e3fe1be46a994272793",
    "correlation": "correlation:order-7", "request": "request:79104EXAMPLEB723", "exact": "exact:yes",
}  # fmt: skip
