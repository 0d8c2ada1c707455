"""The commands about retention: `keep`, `policy check`, and what `why` says of a policy."""

import json
import os

import pytest

from pipeline.cli.main import cli
from pipeline.model.trace_ids import to_xray
from tests.support.events import NOW, TRACE, lambda_event, powertools
from tests.support.policies import LINES, SEGMENTS, record, stored_lines, sweep, with_policy
from tests.support.shipping import shipped

POLICY = "keep: 10%\nslow: {over: 3s}\nasked: {headers: {x-keep: '*'}}\nrules:\n  - {services: [pay-*], level: warn, keep: 50%}\ndays: {healthy: {logs: 30}}\n"
EMPTY = f"{1:032x}"
"""A made-up id; nothing is known of it."""


@pytest.fixture
def run(settings, monkeypatch, tmp_path):
    """Runs a command; returns the exit status, stdout and stderr."""
    from click.testing import CliRunner

    options = with_policy(settings, tmp_path)
    monkeypatch.setenv("TRACEJOIN_PREFIX", settings.prefix)
    monkeypatch.setenv("TRACEJOIN_ENDPOINT", settings.endpoint)
    monkeypatch.setenv("TRACEJOIN_POLICY", options.policy_file)

    def call(*arguments):
        result = CliRunner().invoke(cli, list(arguments), env={"COLUMNS": "100"})
        return result.exit_code, result.stdout, result.stderr or str(result.exception or "")

    call.options = options
    return call


def test_a_policy_is_checked_and_told_in_words(run, tmp_path):
    """What is always kept, each rule, the rest, and days that come too late; wrong ones in one line each."""
    (tmp_path / "p.yaml").write_text(POLICY)
    status, told, _ = run("policy", "check", str(tmp_path / "p.yaml"))
    assert status == 0
    words = " ".join(told.split())
    assert "has a stale id, took longer than 3,000 ms or shows the header x-keep" in words
    assert "50 % of healthy transactions that touch pay-* and with a line at warn or above" in words
    assert "10 % of all other healthy transactions" in words
    assert "healthy transactions are deleted after 30 days - which is no earlier than everything else" in words
    assert json.loads(run("policy", "check", "--json", str(tmp_path / "p.yaml"))[1])["keep"] == 0.1
    (tmp_path / "wrong.yaml").write_text("keep: 10\n")
    status, told, problem = run("policy", "check", str(tmp_path / "wrong.yaml"))
    assert (status != 0, told) == (True, "")
    assert "wrong.yaml:1: keep must be a share from 0% to 100%" in problem


def test_why_tells_what_becomes_of_a_transaction(store, run, monkeypatch):
    """That it waits, goes, went, and that a fault became known after that."""
    shipped(lambda_event(LINES), store, run.options)
    sweep(store, run.options, *SEGMENTS, at=NOW / 1000 + 60)
    assert "not decided yet: something may still come until" in run("why", TRACE)[1]
    monkeypatch.setattr("time.time", lambda: NOW / 1000 + 7200)
    assert "goes with the next sweep: it is not among the 0 % that policy-" in " ".join(run("why", TRACE)[1].split())
    sweep(store, run.options)
    said = " ".join(run("why", TRACE)[1].split())
    assert "5 log lines and 2 spans (" in said
    assert "when nothing was wrong with it: it is not among the 0 % that policy-" in said
    for command in ("trace", "search"):
        status, _, problem = run(command, TRACE)
        assert status == 1
        assert f"trace {to_xray(TRACE)}: 5 log lines and 2 spans (" in problem
    shipped(lambda_event([powertools("it broke", level="ERROR")], first=50), store, run.options)
    sweep(store, run.options, *SEGMENTS)
    said = " ".join(run("why", TRACE)[1].split())
    assert "What is wrong now became known later; what has come since stays" in said
    assert "kept: its trace 1-5759e988-bd862e3fe1be46a994272793 has a hidden fault: edge-ok-error-log" in said


def test_keep_holds_lists_and_releases(store, run):
    """By a correlation id; the list has note and name, safe for a terminal; a release ends it, and each no is told."""
    shipped(lambda_event(LINES), store, run.options)
    sweep(store, run.options, *SEGMENTS, at=NOW / 1000 + 60)
    assert run("keep", "--list")[:2] == (1, "")
    status, told, _ = run("keep", "order-17", "--by", "ada", "--note", "case [7] \x1b[31m")
    assert status == 0 and "held order-17: 1 trace (1-5759e988-bd862e3fe1be46a994272793)" in told
    assert "case [7]" in told and "\x1b[31m" not in told
    held = json.loads(run("keep", "--list", "--json")[1])
    assert (held["id"], held["by"], held["traceId"]) == ("order-17", "ada", [TRACE])
    assert "held: nothing of it is deleted" in run("why", TRACE)[1]
    sweep(store, run.options)
    assert len(stored_lines(store)) == 5
    # what is no UTF-8 is kept as far as it is
    broken = os.fsdecode(b"b\xf6se")
    assert run("keep", "order-17", "--by", broken, "--note", broken)[0] == 0
    held = json.loads(run("keep", "--list", "--json")[1])
    assert (held["by"], held["note"]) == ("b?se", "b?se")
    assert run("keep", TRACE, "--release")[0] == 0
    assert "held" not in record(store, TRACE)
    assert run("keep", TRACE, "--release")[0] == 1


@pytest.mark.parametrize("arguments", [(), ("x", "--list"), ("--release",), ("--list", "--release"), ("x", "--note", "n" * 501)])
def test_wrong_usage_is_told(run, arguments):
    """With exit status 2, and what to give."""
    status, told, problem = run("keep", *arguments)
    assert (status, told) == (2, "")
    assert "Error: " in problem


def test_nothing_known_is_nothing_held(store, run):
    """An id that nothing is known of is told as such."""
    status, told, problem = run("keep", EMPTY)
    assert (status != 0, told) == (True, "")
    assert f"nothing is known of {EMPTY}" in problem
