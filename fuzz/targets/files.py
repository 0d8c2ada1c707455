"""Files: what `tracejoin explain` and `tracejoin classify` are handed: logs, events, answers of AWS' commands, segment documents."""

import json
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any, ClassVar, Final

from fuzz.json_mutators import JsonMutator
from fuzz.target import Input, Target, hold
from pipeline.errors import BadInputError
from pipeline.offline.classify_traces import facts_of_lines, read_traces
from pipeline.offline.explain_lines import explanation_of, read

_LARGEST: Final = 300_000


class Files(Target):
    """The content of a file.

    Args:
        documents: real subscription documents.
        segments: real segment documents.
        lines: real log lines.
        pieces: what mutations insert.
    """

    name: ClassVar[str] = "files"

    def __init__(self, documents: Sequence[Any], segments: Sequence[Any], lines: Sequence[str], pieces: Sequence[str]) -> None:
        documents = [document | {"logEvents": document["logEvents"][:4]} for document in documents]
        found = [{"events": document["logEvents"]} for document in documents[:50]]
        answers = [{"Traces": [{"Id": segment.get("trace_id", ""), "Segments": [{"Id": "x", "Document": json.dumps(segment)}]}]}
                   for segment in segments[:100]]  # fmt: skip
        logs = ["\n".join(lines[start : start + 3]) for start in range(0, len(lines), 3)]
        values = [*documents, *found, *answers, *segments]
        super().__init__([*map(json.dumps, values), *logs], pieces)
        self._values = JsonMutator(values, self.mutator)

    def make(self, random: Random) -> Input:
        """A file's text."""
        return json.dumps(self._values.mutated(random)) if random.randrange(3) else self.mutator.mutated(random)

    def check(self, given: Input) -> None:
        """A file is refused in one line by either command, or read."""
        data = given.encode("utf-8", "surrogatepass")
        try:
            segments, problems = read_traces(data, max_bytes=_LARGEST)
            hold("a file of traces has segments", segments)
            hold("a problem is one line", not any("\n" in problem for problem in problems))
        except BadInputError as error:
            hold("an error is one line", "\n" not in str(error))
        with suppress(BadInputError):
            lines = [line for _, line in read(data, max_bytes=_LARGEST)]
            facts_of_lines(lines)
            for line in lines:
                explanation_of(line)
