"""The verdict as a whole."""

import json

from pipeline.detect.evaluate import evaluate
from pipeline.detect.rule import default_rules
from tests.support.events import NOW
from tests.support.verdicts import GIVE_UP, state_of


def test_samples_of_others(samples):
    """No trace that others recorded raises an alert: none of them hides a fault behind a success."""
    for path in sorted((samples / "segments").iterdir()):
        content = json.loads(path.read_text())
        state = state_of(*content.get("Segments", [content]), asked=NOW)
        assert not evaluate(state, rules=default_rules(), give_up_after_ms=GIVE_UP).hidden_fault, path.name
