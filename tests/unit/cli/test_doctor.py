"""What `tracejoin doctor` prints for a person."""

from pipeline.cli.doctor import report_lines
from pipeline.doctor.check_result import CheckResult


def test_what_a_person_reads():
    """Groups in order; ten findings of a check at most; one line for all checks that are not known for one reason."""
    many = [CheckResult("m", "warning", f"r{number}", "text", f"do {number}") for number in range(12)]
    away = [CheckResult(name, "unknown", "", "no credentials") for name in "xyz"]
    lines = list(report_lines([*away, *many, CheckResult("fine", "ok", "", "All well.")]))
    assert [line for line in lines if not line.startswith(" ")] == ["ok", "warning", "not known"]
    assert lines[1] == "  fine  All well."
    assert lines[3:5] == ["  m  r0: text", "      do 0"]
    assert lines[-3] == "  m  and 2 more; --json shows all"
    assert lines[-1] == "  x, y, z  no credentials"


def test_a_terminal_wraps_findings_but_no_remedy():
    """Each line fits; what is to be pasted stays in one piece."""
    remedy = "aws logs put-subscription-filter " + "--option value " * 20
    found = [CheckResult("check", "problem", "name", "word " * 60, remedy), CheckResult("other", "unknown", "", "words\nmore " * 60)]
    lines = list(report_lines(found, 60))
    assert f"      {remedy}" in lines
    assert max(len(line) for line in lines if remedy not in line) <= 60
    assert " ".join(" ".join(lines).split()) == " ".join(" ".join(report_lines(found)).split())
