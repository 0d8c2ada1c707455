"""Registry: every target by its name, over one corpus."""

from collections.abc import Mapping

from fuzz.corpus import Corpus
from fuzz.target import Target
from fuzz.targets.envelopes import Envelopes
from fuzz.targets.files import Files
from fuzz.targets.lines import Lines
from fuzz.targets.output import Alerts, Terminal
from fuzz.targets.redaction import Redaction
from fuzz.targets.settings import Hints, RuleFiles, Searches
from fuzz.targets.traces import Answers, Segments, Spans


def targets_of(corpus: Corpus) -> Mapping[str, Target]:
    """Makes every target."""
    pieces = corpus.pieces()
    targets: tuple[Target, ...] = (
        Lines(corpus.lines, pieces), Envelopes(corpus.documents, pieces), Segments(corpus.segments, pieces), Spans(corpus.spans, pieces),
        Answers([*corpus.segments, *corpus.spans], pieces), Redaction(corpus.lines, pieces), Searches(pieces), RuleFiles(pieces),
        Hints(pieces), Files(corpus.documents, corpus.segments, corpus.lines, pieces),
        Alerts(corpus.lines, pieces), Terminal(corpus.lines, pieces),
    )  # fmt: skip
    return {target.name: target for target in targets}
