"""The table of rules: each has its defaults and its page."""

import re

from pipeline.detect.engine import RULES
from pipeline.detect.rule import default_rules
from pipeline.detect.rule_file import read_rules
from tests.support.paths import DOCS


def test_every_rule_has_its_defaults():
    """No rule without data, no data without a rule."""
    assert set(default_rules()) == set(RULES)


def test_every_rule_has_its_page():
    """The page of each family names its rules, with an example and how to silence it; the index names them all, and its rule file is a good one."""
    index = (DOCS / "findings.md").read_text()
    families = dict(re.findall(r"^\| \[\w+\]\((findings/\w+\.md)\) \| (.*) \|$", index, re.MULTILINE))
    assert {f"findings/{look.__module__.rpartition('.')[2]}.md" for look in RULES.values()} == set(families)
    for name, look in RULES.items():
        page = f"findings/{look.__module__.rpartition('.')[2]}.md"
        text = (DOCS / page).read_text()
        assert f"`{name}`" in families[page]
        assert all(part in text for part in (f"| `{name}` |", "## Example", "## Silence it"))
    (example,) = re.findall(r"```yaml\n(.*?)```", index, re.DOTALL)
    assert read_rules(example)["throttled-downstream"].enabled is False
