"""What docs/doctor.md says of the checks and their permissions."""

import json

from pipeline.doctor.account import MOST_CALLS
from pipeline.doctor.collect.calls import PERMISSIONS
from pipeline.doctor.registry import CHECKS
from tests.support.paths import DOCS


def test_the_page_lists_every_check():
    """docs/doctor.md has the checks of the registry, in their order, in their words; names are unique."""
    table = (DOCS / "doctor.md").read_text().partition("<!-- checks -->")[2].partition("<!-- /checks -->")[0]
    listed = [[cell.strip() for cell in row.split("|")[1:4]] for row in table.splitlines() if row.startswith("| `")]
    assert [row[:2] for row in listed] == [[f"`{check.name}`", check.holds] for check in CHECKS]
    assert all(row[2] for row in listed)
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_the_page_has_every_permission():
    """The policy of docs/doctor.md allows exactly what is called, each only reading, beside OpenSearch's own."""
    text = (DOCS / "doctor.md").read_text()
    policy = json.loads(text.partition("<!-- policy -->")[2].partition("```json")[2].partition("```")[0])
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert allowed == set(PERMISSIONS.values()) | {"es:ESHttpGet", "es:ESHttpPost"}
    assert all(action.partition(":")[2].startswith(("Describe", "Get", "List", "GET", "ESHttp")) for action in allowed)
    assert all(method.startswith(("describe_", "get_", "list_")) for _, method in PERMISSIONS)
    assert len({statement["Sid"] for statement in policy["Statement"]}) == len(policy["Statement"])
    assert f"{MOST_CALLS:,}" in text
