"""The manual: its reference is what the code is, its samples are what the command takes, and its links lead somewhere."""

import logging
import re
import tomllib
from types import SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from manual import meanings, reference, samples, site_links
from manual.__main__ import wrong_samples
from manual.markdown import plain, table
from manual.metrics_page import metrics_page
from manual.settings_page import settings_page
from manual.stack_pages import alarms_page, parameters_page
from pipeline.cli.config_keys import KEYS
from pipeline.cli.configuration import CONTEXT_VARIABLE
from pipeline.cli.main import cli
from pipeline.settings import Settings
from tests.support.paths import DOCS, ROOT
from tests.support.template import load, of_type

MENTIONED = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *(ROOT / "examples").rglob("README.md"),
    *DOCS.rglob("*.md"),
]


def rows(page):
    """The cells of each row of a page's tables, without code marks."""
    return [[cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in page.splitlines() if row.startswith("| `")]


# -- the reference


def test_the_reference_is_up_to_date():
    """Each page that is made from the code is what the code gives now."""
    assert reference.stale(DOCS / "reference") == []


def test_the_reference_is_the_same_wherever_it_is_made(monkeypatch):
    """What ran before in the process, the width of the terminal and the environment change nothing on the page of commands."""
    before = reference.PAGES["commands"]()
    for arguments in (["faults", "--help"], ["issue", "ack", "--help"], ["replay", "-h"]):
        CliRunner().invoke(cli, arguments)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TRACEJOIN_ENDPOINT", "http://localhost:1")
    assert reference.PAGES["commands"]() == before == (DOCS / "reference" / "commands.md").read_text()


def test_a_page_that_drifted_is_named(tmp_path):
    """A page that somebody changed, and one that is missing, are named with the remedy; the others are not."""
    reference.write(tmp_path)
    assert reference.stale(tmp_path) == []
    (tmp_path / "rules.md").write_text((tmp_path / "rules.md").read_text().replace("alert", "notice", 1))
    (tmp_path / "alarms.md").unlink()
    assert reference.stale(tmp_path) == [f"docs/reference/{name}.md is out of date: run `make reference`" for name in ("rules", "alarms")]


def test_every_setting_and_variable_is_on_its_page():
    """The page has each setting once, with its default; and no variable that code or template names is left out."""
    page = settings_page()
    shown = {row[0]: row for row in rows(page)}
    assert len(shown) == len(Settings.__dataclass_fields__) == len(rows(page))
    assert shown["TRACEJOIN_ALERT_GROWTH"][1:3] == ["10,100,1000", "AlertGrowth"]
    assert shown["TRACEJOIN_REDACT"][1] == "on"
    assert all(row[3] for row in shown.values())
    named = set()
    for folder in ("pipeline", "shipper_function"):
        for path in (ROOT / folder).rglob("*.py"):
            if "local" not in path.parts:
                named |= set(re.findall(r"\bTRACEJOIN_[A-Z_]+[A-Z]\b", path.read_text()))
    named |= set(re.findall(r"\bTRACEJOIN_[A-Z_]+[A-Z]\b", (ROOT / "template.yaml").read_text()))
    assert sorted(name for name in named if f"`{name}`" not in page) == []


def test_every_parameter_output_and_alarm_is_on_its_page():
    """The pages have what the template has, no more and no less."""
    template = load()
    assert {row[0] for row in rows(parameters_page())} == {*template["Parameters"], *template["Outputs"]}
    assert {row[0] for row in rows(alarms_page())} == set(of_type(template, "AWS::CloudWatch::Alarm"))


def test_every_metric_is_on_its_page():
    """Each metric that an alarm watches is counted, and each that the code writes out has a row, those of loops too."""
    listed = {row[0] for row in rows(metrics_page())}
    watched = {alarm["MetricName"] for alarm in of_type(load(), "AWS::CloudWatch::Alarm").values() if alarm["Namespace"] == "tracejoin"}
    written = "".join(path.read_text() for path in (ROOT / "shipper_function").glob("*.py"))
    assert watched | set(re.findall(r'add_metric\("(\w+)"', written)) | {"log_groups_refused", "bad_envelopes", "stale_trace_ids"} <= listed


@pytest.mark.parametrize(("names", "said"), [({"a", "b"}, "b has no meaning"), (set(), "a is not there any more")])
def test_a_meaning_that_is_missing_or_left_over_is_named(names, said, tmp_path, monkeypatch):
    """A new field without a meaning, and a meaning of a field that is gone, stop the page with a line that names it."""
    file = tmp_path / "meanings.yaml"
    file.write_text("fields: {a: something}\n")
    monkeypatch.setattr(meanings, "_FILE", file)
    with pytest.raises(ValueError, match=said):
        meanings.fitting("fields", names)


@given(st.text())
def test_any_text_stays_in_its_cell(text):
    """No text breaks out of a table's cell, or makes a tag: a row is one line with as many bars as the head has."""
    made = table(["a", "b"], [["x", plain(text)]])
    assert len(made.splitlines()) == 3
    assert len(re.findall(r"(?<!\\)\|", made.splitlines()[2])) == 3
    assert "<" not in re.sub(r"``?[^`]+``?", "", made)


# -- samples


def test_every_sample_is_right():
    """Each `tracejoin …` command line, and each block of JSON or YAML, in all pages is taken by the command or the parser."""
    assert wrong_samples() == []
    tried = [sample for path in MENTIONED for sample in samples.samples(path.read_text())]
    assert {sample.language for sample in tried} == {"tracejoin", "mention", "json", "yaml"}
    assert len(tried) > 100


@pytest.mark.parametrize(
    "line",
    ["tracejoin sarch x", "tracejoin search --sinse 2h x", "tracejoin trace", "tracejoin issue mute 3f0c --utnil 7d", "tracejoin replay sned",
     "tracejoin search --format tabel x", "tracejoin faults --rule crsh", "tracejoin cost --by fnction", "tracejoin faults --limit many",
     "tracejoin trace 'a", "tracejoin policy chek policy.yaml", "tracejoin faults extra"],
)  # fmt: skip
def test_a_wrong_command_line_is_found(line):
    """A mistyped command, subcommand, option or choice, a missing or spare argument and an open quote are told, in each kind of block."""
    for page in (f"text\n\n    {line}\n", f"text\n\n```\n$ {line}\n```\n", f"1. item\n\n        {line}\n"):
        (sample,) = samples.samples(page)
        assert samples.problem(sample), page


@pytest.mark.parametrize(
    "line",
    ["tracejoin search ID --since 2h  # why", "tracejoin issues [--state new] [--since 2d]", "tracejoin trace 1-… | head", "tracejoin --help",
     "tracejoin issue 3f0c…", "tracejoin replay show ID --stack NAME", "tracejoin explain missing.log --json", "tracejoin search -- a -b",
     "tracejoin issue mute ID --until 7d && echo done", "tracejoin search '[ERROR]'", "tracejoin --endpoint URL faults --limit N"],
)  # fmt: skip
def test_a_right_command_line_passes(line):
    """Comments, pipes, placeholders, what may be left out, and files that are not here are no mistakes."""
    (sample,) = samples.samples(f"text\n\n    {line}\n")
    assert samples.problem(sample) == ""


def test_a_sentence_may_name_a_command_alone():
    """Within a sentence `tracejoin trace` is a name, and needs no argument; a name that there is not is told all the same."""
    right, wrong, option = samples.samples("Look with `tracejoin trace`, `tracejoin trcae` and\n`tracejoin faults --stael`.\n")
    assert samples.problem(right) == ""
    assert "trcae" in samples.problem(wrong)
    assert option.line == 2 and "--stael" in samples.problem(option)


def test_wrong_json_and_yaml_is_found():
    """A block that says json or yaml is parsed; others are not."""
    found = [
        samples.problem(sample) for sample in samples.samples('```json\n{"a": }\n```\n\n```yaml\na: [\n```\n\n```text\n{"a": }\n```\n')
    ]
    assert [text.partition(":")[0] for text in found] == ["json", "yaml"]


@given(st.text(alphabet="`~ \n$|[]#'\"\\tracejoin sERH-…"))
def test_any_page_is_read(text):
    """No page makes the checker raise, whatever its fences and quotes are."""
    for sample in samples.samples(text):
        samples.problem(sample)


# -- links


def test_links_between_the_pages_lead_somewhere():
    """Each relative link and picture of README, CHANGELOG, CONTRIBUTING, examples and docs names a file, and its anchor a heading, as GitHub makes it."""
    for page in MENTIONED:
        text = re.sub(r"^ *```.*?^ *```|`[^`\n]*`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        for link in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", text):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), f"{page.relative_to(ROOT)}: {link}"
            assert not anchor or anchor in headings(target), f"{page.relative_to(ROOT)}: {link}"


def headings(page):
    """The anchors of a page's headings."""
    found = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in found}


def test_every_page_is_in_the_navigation():
    """mkdocs.yml lists each page once, and none that is not there."""

    class Loader(yaml.SafeLoader):
        """MkDocs' own tags as plain values."""

    Loader.add_constructor("!ENV", lambda loader, node: loader.construct_sequence(node))
    listed = list(paths(yaml.load((ROOT / "mkdocs.yml").read_text(), Loader)["nav"]))
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def paths(nav):
    """Every page below an entry of the navigation."""
    for entry in nav:
        for content in entry.values():
            yield from paths(content) if isinstance(content, list) else [content]


def turned(text, sources=""):
    """What the hook makes of a page's text."""
    page = SimpleNamespace(file=SimpleNamespace(src_uri="how-to/find-a-request.md"))
    return site_links.on_page_markdown(text, page=page, config={"docs_dir": str(DOCS), "extra": {"sources": sources}}, files=None)


def test_links_out_of_docs_become_text_or_addresses(caplog):
    """A link to the code is text on the site, or an address where one is set; links between pages and code blocks stay."""
    text = "[a](../../pipeline/settings.py#x) [b](../page.md)\n\n```\n[a](../../nope)\n```\n"
    assert turned(text) == "a [b](../page.md)\n\n```\n[a](../../nope)\n```\n"
    assert turned(text, "https://git.example.com/t/blob/main/").startswith(
        "[a](https://git.example.com/t/blob/main/pipeline/settings.py#x)"
    )
    assert not caplog.records


@pytest.mark.parametrize("path", ["../../nope.py", "../../../outside", "../../pipeline/../../../etc/passwd"])
def test_a_dead_link_out_of_docs_is_warned_of(path, caplog):
    """A link to a file that is not there, or outside the repository, is a warning with the page's name, on which a strict build fails."""
    with caplog.at_level(logging.WARNING):
        turned(f"[a]({path})")
    assert [record.getMessage() for record in caplog.records] == [f"how-to/find-a-request.md: there is no {path}"]
    assert caplog.records[0].name.startswith("mkdocs.")


def test_readme_stays_short():
    """README has at most 150 lines."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_each_cell_of_the_comparison_has_its_source():
    """Each cell about a product ends in sources that the page lists, each with the day on which it was read, but for memory."""
    tables, _, rest = (DOCS / "comparison.md").read_text().partition("## What tracejoin does worse")
    listed = {
        row[0]: row[2]
        for row in (row.strip("|").split(" | ") for row in rest.splitlines() if re.match(r"\| [a-z]+\d? \|", row))
        if len(row) > 2
    }
    listed = {name.strip(): day.strip(" |") for name, day in listed.items()}
    assert all(re.match(r"2026-\d\d(-\d\d)?$", day) for name, day in listed.items() if name != "u")
    cells = [
        cell
        for row in tables.splitlines()
        if row.startswith("| ") and not row.startswith(("| complaint |", "| what |"))
        for cell in row.strip("| ").split(" | ")[1:]
    ]
    assert len(cells) == 11 * (4 + 5)
    for cell in cells:
        (found,) = re.findall(r"\[([a-z]+\d?(?:, [a-z]+\d?)*)\]", cell)[-1:]
        assert set(found.split(", ")) <= set(listed), cell


# -- names


def test_every_name_in_the_pages_is_there():
    """Each variable that a page names is a setting or one of the command's own, each `make` target one of a Makefile, each extra one of ours."""
    known = {field.metadata["variable"] for field in Settings.__dataclass_fields__.values()} | {
        "TRACEJOIN_COMPLETE", "TRACEJOIN_DOCS_SOURCES", CONTEXT_VARIABLE, *(key.variable for key in KEYS.values())}  # fmt: skip
    makefiles = [ROOT / "Makefile", ROOT / "package.mk", ROOT / "examples" / "Makefile"]
    targets = {name for path in makefiles for name in re.findall(r"^([a-z-]+):", path.read_text(), re.MULTILINE)}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wrong = []
    for page in MENTIONED:
        text = page.read_text()
        wrong += [(page.name, name) for name in re.findall(r"\bTRACEJOIN_[A-Z_]*[A-Z]\b", text) if name not in known]
        asked = re.findall(r"(?:^    |`)make (?:-C examples )?([a-z-]+)", text, re.MULTILINE)
        wrong += [(page.name, name) for name in asked if name not in targets]
        wrong += [(page.name, name) for name in re.findall(r"tracejoin\[([a-z]+)\]", text) if name not in extras]
    assert wrong == []
