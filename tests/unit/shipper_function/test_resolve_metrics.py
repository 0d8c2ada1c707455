"""The metrics of hidden faults: by service and rule, within bounds."""

import json

from pipeline.errors import UnavailableError
from shipper_function import resolve as resolve_module
from tests.support.handlers import FakeResolver, failed, metrics_of, record, trace_id


def test_a_service_s_name_becomes_what_cloudwatch_takes(resolve, capsys):
    """A dimension is ASCII, not blank, and begins with no colon: CloudWatch would drop the metric. Names that end alike add up."""
    resolver = FakeResolver()
    noted = {
        "zahlung-ü": {"timeout": 1},
        "zahlung-é": {"timeout": 2},
        " ": {"timeout": 1},
        ":x\x00": {"timeout": 1},
        "y" * 2000: {"crash": 1},
    }
    resolver.resolve = lambda trace_ids, total, held: total.new_faults.update(noted)
    resolve([record(0, ids=[trace_id(0)])], resolver)
    assert faults_of(capsys.readouterr().out) == {("zahlung-?", "timeout"): 3, ("unknown", "timeout"): 1, ("x?", "timeout"): 1,
                                                  ("y" * 256, "crash"): 1, ("tracejoin-resolve", ""): 6}  # fmt: skip


def test_made_up_service_names_do_not_make_a_bill(resolve, capsys):
    """Fifty pairs of a service and a rule are counted by name, the rest as others; nothing is missing from the sum."""
    resolver = FakeResolver()
    resolver.resolve = lambda trace_ids, total, held: total.new_faults.update({f"s{number}": {"timeout": 1} for number in range(60)})
    resolve([record(0, ids=[trace_id(0)])], resolver)
    found = faults_of(capsys.readouterr().out)
    assert (len(found), found["others", "others"], found["tracejoin-resolve", ""]) == (52, 10, 60)


def test_documents_of_another_program_are_counted_and_named(resolve, capsys, monkeypatch):
    """They are bad documents, and the log names ten of them with what to do."""
    resolver, told = FakeResolver(), []
    monkeypatch.setattr(resolve_module.logger, "warning", lambda message, extra: told.append((message, extra)))

    def pass_over(trace_ids, total, held):
        total.passed_over, total.bad_documents = tuple(f"tracejoin-logs-2026.11.30/{number}" for number in range(12)), 1

    resolver.resolve = pass_over
    resolve([record(0, ids=[trace_id(0)])], resolver)
    assert metrics_of(capsys.readouterr().out)["bad_documents"] == [13]
    ((message, extra),) = told
    assert "delete them" in message
    assert (extra["documents"], extra["examples"]) == (12, tuple(f"tracejoin-logs-2026.11.30/{number}" for number in range(10)))


def faults_of(text):
    """The metric HiddenFaults by service and rule, as it was printed."""
    rows = [json.loads(line) for line in text.splitlines() if "HiddenFaults" in line]
    return {(row["service"], row.get("rule", "")): int(row["HiddenFaults"][0]) for row in rows}


def test_faults_that_were_noted_before_a_run_failed_are_counted(resolve, capsys):
    """OpenSearch goes away after the note: the hint comes again and finds it noted, so this is the one time to count it."""

    def note_and_fail(trace_ids, total, held):
        total.new_faults["stock"] = {"timeout": 2}
        raise UnavailableError("away")

    resolver = FakeResolver()
    resolver.resolve = note_and_fail
    assert failed(resolve([record(0, ids=[trace_id(0)])], resolver)) == ["m0"]
    assert faults_of(capsys.readouterr().out) == {("stock", "timeout"): 2, ("tracejoin-resolve", ""): 2}
