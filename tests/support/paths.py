"""Where tests find what lies outside their folder, and what they tell processes that run none of our code."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# for a local AWS: coverage would slow it down, and there is nothing of ours in it
UNMEASURED = {"COVERAGE_PROCESS_CONFIG": ""}
