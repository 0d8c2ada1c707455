"""Running checks: what fails stops no other."""

from pipeline.doctor.check import Check, diagnose
from pipeline.doctor.check_result import problem
from pipeline.errors import MisconfiguredError, UnavailableError


def test_a_check_that_fails_stops_no_other():
    """What is denied is unknown with a way out, what does not answer is unknown; a check without a word is ok in its own."""

    def denied(_account):
        raise MisconfiguredError(["sqs:GetQueueAttributes is denied (no)"])

    def away(_account):
        yield problem("r", "m", "x")
        raise UnavailableError("it does not answer")

    found = list(diagnose(None, [Check("a", "A.", denied), Check("b", "B.", away), Check("c", "C.", lambda _account: [])]))
    assert [(finding.check, finding.status, finding.message) for finding in found] == [
        ("a", "unknown", "sqs:GetQueueAttributes is denied (no)"), ("b", "unknown", "it does not answer"), ("c", "ok", "C.")]  # fmt: skip
    assert ["docs/doctor.md" in finding.remedy for finding in found] == [True, False, False]
