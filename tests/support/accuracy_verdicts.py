"""Verdicts for tests of the measure of accuracy."""

from pipeline.detect.verdict import Finding, Verdict


def verdict(*findings):
    """A verdict with findings of these rules and severities."""
    return Verdict(state="complete", state_reason="", findings=tuple(
        Finding(rule=rule, severity=severity, service_name="", span_id="", path=(), reported="", evidence="", client_saw="success")
        for rule, severity in findings
    ))  # fmt: skip
