"""Rules page: every rule with its defaults, out of `pipeline/detect` and the pages of its families."""

import re

from manual.markdown import code, codes, page, table
from manual.meanings import introduction
from manual.stack_template import ROOT
from pipeline.detect.engine import RULES
from pipeline.detect.rule import default_rules


def rules_page() -> str:
    """Makes the page of rules. Raises ValueError where the page of a rule's family does not say when it fires."""
    defaults = default_rules()
    rows = []
    for name, look in RULES.items():
        family = look.__module__.rpartition(".")[2]
        rule = defaults[name]
        rows.append([code(name), f"[{family}](../findings/{family}.md)", rule.severity if rule.enabled else "off", codes(rule.expected),
                     _fires(name, family)])  # fmt: skip
    head = ["rule", "family", "severity", "expected", "fires when"]
    return page("Rules", "pipeline/detect and docs/findings", introduction("rules"), table(head, rows))


def _fires(name: str, family: str) -> str:
    """The cell of the family's page that says when a rule fires."""
    path = ROOT / "docs" / "findings" / f"{family}.md"
    found = re.search(rf"^\| `{re.escape(name)}` \| (.*) \|$", path.read_text(), re.MULTILINE)
    if not found:
        raise ValueError(f"docs/findings/{family}.md does not say when {name} fires: add a row to its table")
    return found[1].replace("\\|", "|")
