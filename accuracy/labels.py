"""Labels: say which rules must, may and must not fire on a scenario."""

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
    "durable-execution-failed",
    "throttled-downstream",
    "unsampled-error",
)
"""The rules of the design, section 9; not those of the code, which is measured."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The truth of a scenario.

    Attributes:
        must: the rules that have to fire, as alerts unless ``seen_by_client``.
        may: the rules that may fire; every other one is a false alarm.
        seen_by_client: the client saw the failure, so an alert of any rule is a false alarm.
    """

    must: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    seen_by_client: bool = False

    @property
    def control(self) -> bool:
        """Whether there is nothing to be found."""
        return not self.must and (self.seen_by_client or not self.may)

    def without_evidence(self, *, recorded: bool) -> "Labels":
        """Returns the labels after a loss of evidence: no rule has to fire. ``recorded``: X-Ray has something of the trace."""
        unrecorded = frozenset({"unsampled-error"}) if not (recorded or self.control) else frozenset()
        return Labels(frozenset(), self.must | self.may | unrecorded, self.seen_by_client)

    def found(self, verdict: Verdict) -> frozenset[str]:
        """Returns the rules that had to fire, and did."""
        fired = {finding.rule for finding in verdict.findings if self.seen_by_client or finding.severity == "alert"}
        return self.must & fired

    def false_alarms(self, verdict: Verdict) -> frozenset[str]:
        """Returns the rules that should not have fired, or only as a notice."""
        allowed = self.must | self.may
        return frozenset(finding.rule for finding in verdict.findings
                         if finding.rule not in allowed or (self.seen_by_client and finding.severity == "alert"))  # fmt: skip


def rules(text: str) -> frozenset[str]:
    """Returns the rules that ``text`` names, separated by spaces. Raises ValueError if there is no such rule."""
    named = frozenset(text.split())
    if unknown := named - set(RULES):
        raise ValueError(f"there is no rule {', '.join(sorted(unknown))}")
    return named
