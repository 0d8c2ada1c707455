"""What must, may and must not be found: the truth of a scenario."""

from dataclasses import dataclass

from pipeline.detect.verdict import Verdict

RULES = (
    "service-ok-function-failed",
    "invoke-ok-function-error",
    "edge-ok-downstream-fault",
    "edge-error-trace-ok",
    "edge-ok-error-log",
    "error-payload-behind-200",
    "timeout",
    "out-of-memory",
    "crash",
    "batch-partial-failure",
    "async-attempt-failed",
    "state-machine-failed",
    "throttled-downstream",
    "unsampled-error",
)
"""Of the design, section 9; not of the code, which is what is measured."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The truth.

    Attributes:
        must: the rules that have to fire, as alerts unless ``told``.
        may: those of which the design leaves open whether they fire, too; every other one is a false alarm.
        told: the client saw the failure, so that an alert is a false alarm whichever rule raises it.
    """

    must: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    told: bool = False

    @property
    def control(self) -> bool:
        """Whether nothing is there to be found."""
        return not self.must and (self.told or not self.may)

    def without_evidence(self, *, recorded: bool) -> "Labels":
        """The same where something is missing: nothing has to be found any more. What X-Ray has not ``recorded`` may be told as such."""
        unrecorded = frozenset({"unsampled-error"}) if not (recorded or self.control) else frozenset()
        return Labels(frozenset(), self.must | self.may | unrecorded, self.told)

    def found(self, verdict: Verdict) -> frozenset[str]:
        """The rules that had to fire, and did."""
        fired = {finding.rule for finding in verdict.findings if self.told or finding.severity == "alert"}
        return self.must & fired

    def false_alarms(self, verdict: Verdict) -> frozenset[str]:
        """The rules that should not have fired, or not so loudly."""
        allowed = self.must | self.may
        return frozenset(
            finding.rule for finding in verdict.findings if finding.rule not in allowed or (self.told and finding.severity == "alert")
        )


def rules(text: str) -> frozenset[str]:
    """The rules that ``text`` names, with spaces between. Raises ValueError where there is no such rule."""
    named = frozenset(text.split())
    if unknown := named - set(RULES):
        raise ValueError(f"there is no rule {', '.join(sorted(unknown))}")
    return named
