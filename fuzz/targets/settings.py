"""Settings: what people and queues hand in: search expressions, rule files, hints."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

from fuzz.json_mutators import JsonMutator
from fuzz.target import Input, Target, hold
from pipeline.detect.rule import default_rules
from pipeline.detect.rule_file import read_rules
from pipeline.errors import BadInputError, MisconfiguredError
from pipeline.hint_queue import read_hint
from pipeline.search.query import LEVELS, SearchQuery, ids_of, opensearch_query
from pipeline.search.time_expressions import parse_time

_NOW: Final = datetime(2026, 11, 24, 10, tzinfo=UTC)
_ZONES: Final = ("UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia", "America/New_York")
_TIMES: Final = (
    "15m", "2h30m", "now-1d/d", "now+3M/y", "2026-11-24", "2026-11-24T10:00", "2026-11-24T10:00:00Z", "1764000000", "1764000000123", "-15m",
    "2026-W48-2", "20261124T100000+0530", "1764000000.5", "now/w-1y", "9999-12-31", "0001-01-01", "1w2d3h4m5s",
)  # fmt: skip
_TRACE: Final = re.compile(r"[0-9a-f]{32}")
_RULES: Final = (
    "timeout:\n  severity: notice\n", "service-ok-function-failed: {enabled: false}\n",
    "timeout: {services: [orders, 'pay-*', '!checkout']}\n", "swallowed-error:\n  expected: [NoSuchKey, 404, '!304']\n",
    '{"crash": {"severity": "alert", "enabled": true}}', "# nothing\n", "a: &x {b: *x}\n", "? [a, b]\n: c\n",
    "timeout: !!python/object:os.system {}\n", "timeout:\n  <<: {severity: notice}\n", "--- \ntimeout: ~\n...\n", "timeout: |\n  x\n",
)  # fmt: skip
_HINTS: Final = (
    {"traceIds": ["5759e988bd862e3fe1be46a994272793", "1-5759e988-bd862e3fe1be46a994272793"], "attempt": 2},
    {"traceIds": [], "attempt": 0}, {"traceIds": ["x"]}, {"Records": [{"body": "{}"}]},
)  # fmt: skip


class Searches(Target):
    """Times and queries of the command line."""

    name: ClassVar[str] = "searches"
    documented: ClassVar[tuple[type[Exception], ...]] = (BadInputError,)

    def __init__(self, pieces: Sequence[str]) -> None:
        super().__init__([*_TIMES, "correlation-1", "1-5759e988-bd862e3fe1be46a994272793", "path=/orders", "order failed"], pieces)

    def make(self, random: Random) -> Input:
        """A time, or a query with some options."""
        if random.randrange(2):
            return {
                "time": self.mutator.mutated(random, random.choice(_TIMES)),
                "zone": random.choice(_ZONES),
                "end": bool(random.randrange(2)),
            }
        names = ("ids", "trace_id", "correlation_id", "request_id", "text", "phrase", "service", "annotations", "level")
        return {name: self._option(random, name) for name in names if not random.randrange(3)}

    def of_text(self, text: str) -> Input:
        """A query with a text in every option that takes any."""
        return {"ids": [text], "correlation_id": [text], "text": text, "phrase": text, "service": [text]}

    def check(self, given: Input) -> None:
        """A time becomes a moment in UTC, a query becomes JSON for OpenSearch; or there is one line that says why not."""
        try:
            if "time" in given:
                at = parse_time(given["time"], now=_NOW, zone=ZoneInfo(given["zone"]), end=given["end"])
                hold("a time is in UTC", at.utcoffset() is not None and not at.utcoffset())
                opensearch_query(SearchQuery(since=at, until=max(at, _NOW)))
                return
            options: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
            query = SearchQuery(**options)
            json.dumps(opensearch_query(query), ensure_ascii=False).encode()
            ids_of(query)
        except BadInputError as error:
            hold("an error is one line", "\n" not in str(error))
            raise

    def _option(self, random: Random, name: str) -> Any:
        if name == "level":
            return random.choice(list(LEVELS))
        if name in {"text", "phrase"}:
            return self.mutator.mutated(random)
        return [self.mutator.mutated(random) for _ in range(random.randrange(3))]


class RuleFiles(Target):
    """The user's rule file, in YAML."""

    name: ClassVar[str] = "rules"
    documented: ClassVar[tuple[type[Exception], ...]] = (MisconfiguredError,)

    def __init__(self, pieces: Sequence[str]) -> None:
        names = "".join(f"{name}: {{enabled: true}}\n" for name in default_rules())
        yaml = (
            "timeout",
            "severity: ",
            "enabled: ",
            "services: ",
            "expected: ",
            "&a ",
            "*a",
            "!!",
            "? ",
            "- ",
            ": ",
            "\n  ",
            "|",
            ">",
            "<<: ",
            "%",
        )
        super().__init__([*_RULES, names], [*yaml, *pieces[:50]])

    def check(self, given: Input) -> None:
        """A file gives every rule, or mistakes of one line each that begin with their place."""
        try:
            rules = read_rules(given, name="rules.yaml")
        except MisconfiguredError as error:
            for problem in error.problems:
                hold("a mistake is one line with its place", re.fullmatch(r"rules\.yaml:\d+: [^\n]+", problem))
            raise
        hold("every rule is there", rules.keys() == default_rules().keys())


class Hints(Target):
    """Bodies of the hint queue's messages."""

    name: ClassVar[str] = "hints"
    documented: ClassVar[tuple[type[Exception], ...]] = (BadInputError,)

    def __init__(self, pieces: Sequence[str]) -> None:
        super().__init__([json.dumps(hint) for hint in _HINTS], pieces)
        self._values = JsonMutator(_HINTS, self.mutator)

    def make(self, random: Random) -> Input:
        """A message's body."""
        return json.dumps(self._values.mutated(random)) if random.randrange(2) else self.mutator.mutated(random)

    def check(self, given: Input) -> None:
        """A body is refused, or gives canonical ids and a number of tries."""
        hint = read_hint(given)
        hold("ids are canonical", all(map(_TRACE.fullmatch, hint.trace_ids)))
        hold("no try is negative", hint.attempt >= 0)
