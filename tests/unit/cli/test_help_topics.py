"""Topics of `tracejoin help`."""

from pathlib import Path

import pytest
from rich.console import Console

from pipeline.cli import help_topics
from pipeline.cli.help_topics import TOPICS, part_of, topic_text
from pipeline.cli.main import _COMMANDS
from tests.support.paths import DOCS


@pytest.mark.parametrize("name", TOPICS)
def test_each_topic_is_a_page_of_the_manual_or_a_part_of_one(name):
    """What is printed stands in docs/, word for word, and no line is wider than the terminal."""
    topic = TOPICS[name]
    packaged = Path(help_topics.__file__).parent / "topics" / topic.page
    assert packaged.read_text() == (DOCS / topic.page).read_text()
    assert part_of(packaged.read_text(), topic.heading).startswith(f"## {topic.heading}" if topic.heading else "# ")
    console = Console(width=80, record=True, force_terminal=False)
    with console.capture() as capture:
        console.print(topic_text(name))
    assert max(map(len, capture.get().splitlines())) <= 80
    assert "](" not in capture.get()


def test_no_topic_has_the_name_of_a_command():
    """Else one would hide the other's help."""
    assert not set(TOPICS) & set(_COMMANDS)


def test_a_part_ends_before_the_next_heading():
    """And a heading that there is not is told."""
    page = "# A\n## B\nb\n### C\n## D\nd"
    assert (part_of(page, "B"), part_of(page, "D"), part_of(page, "")) == ("## B\nb\n### C\n", "## D\nd", page)
    with pytest.raises(ValueError, match="no heading 'E'"):
        part_of(page, "E")
