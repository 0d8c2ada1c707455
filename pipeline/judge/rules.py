"""The rules, run: all findings of a trace."""

from pipeline.judge.case import Case
from pipeline.judge.families import LOOKS
from pipeline.judge.rule import Rules
from pipeline.judge.scene import Scene
from pipeline.judge.verdict import Finding

_MOST_FINDINGS = 100


def find(scene: Scene, rules: Rules) -> tuple[Finding, ...]:
    """All findings, in a fixed order."""
    found: set[Finding] = set()
    for name, look in LOOKS.items():
        rule = rules.get(name)
        if rule and rule.enabled:
            found |= {finding for finding in look(Case(scene, name, rule)) if rule.is_about(finding.service_name)}
    # alerts first, where there are more than anybody reads
    return tuple(sorted(sorted(sorted(found), key=lambda finding: finding.severity)[:_MOST_FINDINGS]))
