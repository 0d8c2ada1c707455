"""`tracejoin services`, as a person calls it: who writes and calls."""

import csv

import pytest

from pipeline.cli.main import cli
from tests.support.command import rows, tracejoin
from tests.support.documents import indexed
from tests.support.events import OTHER, OTHER_REQUEST, TRACE, edge, function, lambda_event, powertools, report, service
from tests.support.shipping import resolver

HOSTILE = "sh\x1b[31mop\u202e,[bold]=x"


@pytest.fixture
def environment(store, settings):
    """One trace with a hidden fault, and another service's line."""
    indexed(
        lambda_event([powertools("paid", service="orders"), powertools("no stock", service="orders", level="ERROR"), report()]),
        store,
        settings,
    )
    other = powertools("sent", trace=OTHER, request=OTHER_REQUEST, service=HOSTILE)
    indexed(lambda_event([other], group="/aws/lambda/mail", first=100), store, settings)
    resolver(store, settings, edge(), service(parent_id="b" * 16, error=True), function(error=True))[0].resolve([TRACE])
    store.refresh()
    return {"TRACEJOIN_ENDPOINT": store.endpoint, "TRACEJOIN_PREFIX": store.prefix}


def test_each_service_is_a_row_that_agrees_with_search_and_faults(environment):
    """Lines, errors, spans and traces are those that search finds; hidden faults those of `faults --service`."""
    status, output, errors = tracejoin("services", "--since", "2000-01-01", "--json", **environment)
    found = {row["service"]: row for row in rows(output)}
    assert (status, errors, {"orders", HOSTILE} <= set(found)) == (0, "", True)
    for name, row in found.items():
        hits = rows(tracejoin("search", "--service", name, "--all", "--json", **environment)[1])
        lines = [hit for hit in hits if hit["doc"]["kind"] == "log"]
        assert (row["lines"], row["traces"]) == (len(lines), len({hit["traceId"] for hit in hits}))
        assert row["spans"] == len(hits) - len(lines)
        assert row["errors"] == sum((line.get("severity", {}).get("number") or 0) >= 17 for line in lines)
        assert row["hiddenFaults"] == len(rows(tracejoin("faults", "--service", name, "--json", **environment)[1]))
        assert row["lastSeen"][:23] == max(hit["@timestamp"] for hit in hits)[:23]
        assert row["logGroups"] == sorted({line["aws"]["logGroup"] for line in lines})
    assert found["orders"]["errors"] == 1
    assert sum(row["hiddenFaults"] for row in found.values()) > 0


def test_the_table_and_csv(environment):
    """Nothing of a foreign name steers the terminal; CSV has the columns of JSON."""
    for width in ("80", "160"):
        status, output, _ = tracejoin("services", "--since", "2000-01-01", **environment | {"COLUMNS": width})
        assert (status, "\x1b" in output, "\u202e" in output, "[bold]=x" in output) == (0, False, False, True)
        assert ("/aws/lambda/mail" in output, max(map(len, output.splitlines())) <= int(width)) == (width == "160", True)
    status, output, _ = tracejoin("services", "--since", "2000-01-01", "--format", "csv", **environment)
    first, *others = csv.reader(output.splitlines())
    assert (status, first[:3], len(others)) == (0, ["service", "lines", "spans"], len(output.splitlines()) - 1)


def test_nothing_and_wrong_usage(environment):
    """An empty period and a period that can't be."""
    assert tracejoin("services", "--until", "2000-01-01", **environment)[::2] == (
        1,
        "tracejoin: no services in this period: widen --since\n",
    )
    assert tracejoin("services", "--since", "1h", "--until", "2h", **environment)[0] == 2
    status, _, errors = tracejoin("services", **environment | {"TRACEJOIN_PREFIX": "nosuch"})
    assert (status, "nosuch" in errors) == (2, True)


@pytest.mark.parametrize("command", [("faults",), ("map",), ("issues",), ("search",)])
def test_a_service_that_there_is_not_is_answered_with_what_is_like_it(environment, command):
    """Beside that nothing was found."""
    status, _, errors = tracejoin(*command, "--service", "Ordres", **environment)
    assert (status, "nothing is stored of a service 'Ordres': did you mean orders?" in errors) == (1, True), errors
    status, _, errors = tracejoin(*command, "--service", "zzz", **environment)
    assert (status, "`tracejoin services` lists them" in errors) == (1, True), errors


def test_a_shell_completes_names_of_services(environment, monkeypatch):
    """Those that begin so, in the order of their lines; none where nobody answers."""
    from click.shell_completion import BashComplete

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    complete = BashComplete(cli, {}, "tracejoin", "_TRACEJOIN_COMPLETE")
    for words in (["faults", "--service"], ["search", "x", "--service"]):
        assert [item.value for item in complete.get_completions(words, "ord")] == ["orders"]
    assert complete.get_completions(["--endpoint", "http://127.0.0.1:1", "faults", "--service"], "ord") == []
    assert [item.value for item in complete.get_completions(["faults", "--rule"], "edge-error")] == ["edge-error-trace-ok"]
    assert [item.value for item in complete.get_completions([], "conf")] == ["config"]
    assert [item.value for item in complete.get_completions(["config", "set"], "endp")] == ["endpoint"]
    assert [item.value for item in complete.get_completions(["help"], "ex")] == ["exit-status", "export", "explain"]
