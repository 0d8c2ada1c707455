"""Saved objects in OpenSearch Dashboards: what setup installs there, and what it says where Dashboards does not answer as it should."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from click.testing import CliRunner

from pipeline.cli.main import cli
from pipeline.configure import dashboards_for
from pipeline.errors import MisconfiguredError
from pipeline.provision.saved_objects import NOWHERE, install_saved_objects, saved_objects
from pipeline.settings import Settings
from tests.support.dashboards import TYPES, DashboardsServer
from tests.support.http_server import HttpServer

PASSWORD = "hunter2-at-home"


def installed(server, *, check=False, prefix="p", **more):
    """What is installed there, by action."""
    settings = Settings(dashboards_url=server.url, **more)
    return install_saved_objects(lambda: dashboards_for(settings), prefix, check=check)


def actions(changes):
    """How many changes there are of each action."""
    return dict(Counter(change.action for change in changes))


def test_everything_is_installed_once():
    """Each object is created, in one file but for the correlations; what Dashboards adds to it is no change; --check changes nothing."""
    number = len(saved_objects("p"))
    with DashboardsServer() as server:
        assert actions(installed(server, check=True)) == {"created": number}
        assert server.objects == {}
        assert actions(installed(server)) == {"created": number}
        assert len(server.objects) == number
        for check in (True, False):
            asked = len(server.requests)
            assert actions(installed(server, check=check)) == {"unchanged": number}
            assert len(server.requests) == asked + 1
        assert all("authorization" not in request.headers for request in server.requests)


def test_what_somebody_changed_or_deleted_is_brought_back():
    """Another title, another query inside of JSON, another reference, a deleted object: only these are written again."""
    with DashboardsServer() as server:
        installed(server)
        pattern, search = ("index-pattern", "p-logs"), ("search", "p-health-letters")
        vis, board = ("visualization", "p-health-states"), ("dashboard", "p-issues")
        server.objects[pattern]["attributes"]["title"] = "other-*"
        state = json.loads(server.objects[vis]["attributes"]["visState"])
        state["aggs"][0]["type"] = "cardinality"
        server.objects[vis]["attributes"]["visState"] = json.dumps(state)
        server.objects[search]["references"][0]["id"] = "other"
        del server.objects[board]
        changes = {change.name: change.action for change in installed(server)}
        assert {name for name, action in changes.items() if action != "unchanged"} == {pattern[1], search[1], vis[1], board[1]}
        assert (changes[board[1]], changes[vis[1]]) == ("created", "updated")
        assert set(actions(installed(server))) == {"unchanged"}


def test_an_older_dashboards_without_correlations():
    """A type that it does not know is skipped and said; everything else is installed, and then nothing is missing."""
    with DashboardsServer(types=TYPES - {"correlations"}) as server:
        changes = installed(server)
        assert actions(installed(server, check=True)) == {"unchanged": len(changes) - 1, "skipped": 1}
    (skipped,) = [change for change in changes if change.action == "skipped"]
    assert (skipped.kind, skipped.reason) == ("correlations", "this Dashboards does not know this type of object")
    assert actions(changes) == {"created": len(changes) - 1, "skipped": 1}


def test_what_is_not_taken_is_told_apart():
    """An object whose reference is missing, or that is refused otherwise, is skipped with that reason; the others are installed."""

    def respond(request):
        if "_bulk_get" in request.path:
            return 200, {"saved_objects": [{**each, "error": {"statusCode": 403, "message": "no\nright"} if each["id"] == "p-logs" else {"statusCode": 404}}
                                           for each in json.loads(request.body)]}  # fmt: skip
        errors = [{"type": "search", "id": "p-health-letters", "error": {"type": "missing_references", "references": [{"type": "index-pattern", "id": "x"}]}},
                  {"type": "dashboard", "id": "p-issues", "error": {"type": "unknown", "message": "strict mapping\n\x1b[31m", "statusCode": 400}}]  # fmt: skip
        return 200, {"success": False, "successCount": 1, "errors": errors}

    with HttpServer(respond) as server:
        server.url = server.endpoint
        changes = installed(server)
    assert {change.name: change.reason for change in changes if change.action == "skipped"} == {
        "p-logs": "it can't be read: no right", "p-health-letters": "what it refers to is missing: index-pattern x", "p-issues": "unknown: strict mapping ␛[31m"}  # fmt: skip
    assert actions(changes)["created"] == len(saved_objects("p")) - 3


@pytest.mark.parametrize(("answer", "said"), [
    ((401, {"statusCode": 401, "message": "Authentication required"}), "refuses this login (401)"),
    ((403, {"message": "no permissions"}), "refuses this login (403)"),
    ((403, b"<html>denied</html>"), "refuses this login (403)"),
    ((404, b"Not Found"), "has no saved objects (404): is its base path in the address"),
    ((302, b"", {"location": "https://elsewhere.example/login"}), "sends elsewhere (302)"),
    ((200, b"<!doctype html><title>Log in</title>"), "answers with something else than JSON"),
    ((200, b"\xff\xfe"), "answers with something else than JSON"),
    ((200, []), "answers with something else than JSON"),
    ((200, {}), "answers something else than Dashboards does"),
    ((200, {"saved_objects": "none"}), "answers something else than Dashboards does"),
    ((200, {"saved_objects": [1]}), "answers something else than Dashboards does"),
    ((500, {"message": "broken \x1b[31m\nhere"}), "answers 500: broken ␛[31m here"),
    ((503, b"<html>"), "answers 503"),
])  # fmt: skip
def test_what_is_no_dashboards_is_said_in_one_line(answer, said):
    """A refusal, a page, a redirect, half an answer: one skipped change, nothing is followed, nothing is raised."""
    with DashboardsServer(answer=answer) as server:
        (change,) = installed(server)
        assert len(server.requests) == 1
    assert (change.action, change.kind) == ("skipped", "dashboards")
    assert said in change.reason
    assert change.reason.startswith(server.url)
    assert "\n" not in change.reason


@pytest.mark.parametrize("answer", [{"success": False}, {"success": False, "errors": "all"}, {"success": "yes"}, {}])
def test_an_import_that_says_nothing_is_no_success(answer):
    """Without `success: true` nothing counts as installed."""

    def respond(request):
        found = (
            {"saved_objects": [{**each, "error": {"statusCode": 404}} for each in json.loads(request.body)]}
            if "_bulk_get" in request.path
            else answer
        )
        return 200, found

    with HttpServer(respond) as server:
        server.url = server.endpoint
        assert set(actions(installed(server))) == {"skipped"}


def test_nobody_answers():
    """A port where nothing listens, and a server that closes the connection."""
    with DashboardsServer() as server:
        pass
    (change,) = installed(server)
    assert (change.action, "does not answer" in change.reason) == ("skipped", True)


def test_the_login_goes_along_and_stays_secret():
    """The login for OpenSearch is sent to Dashboards, and stands in no reason; by plain http to another computer it is not sent at all."""
    with DashboardsServer(answer=(500, {"message": "x"})) as server:
        (change,) = installed(server, username="kim", password=PASSWORD)
        assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert PASSWORD not in change.reason
    (change,) = install_saved_objects(
        lambda: dashboards_for(Settings(dashboards_url="http://d.example", username="kim", password=PASSWORD)), "p"
    )
    assert (change.action, "use https" in change.reason) == ("skipped", True)


def test_requests_to_amazon_are_signed(monkeypatch):
    """Below a domain's endpoint requests carry a signature of its service; elsewhere none, and without credentials nothing is sent."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    with DashboardsServer() as server:
        domain = Settings(endpoint=server.endpoint, opensearch_service="es", region="eu-west-1")
        assert dashboards_for(domain).url == f"{server.endpoint}/_dashboards"
        assert set(actions(install_saved_objects(lambda: dashboards_for(domain), "p"))) == {"created"}
        for request in server.requests:
            assert "/eu-west-1/es/aws4_request" in request.headers["authorization"]
            assert "osd-xsrf" in request.headers["authorization"]
        asked = len(server.requests)
        (change,) = install_saved_objects(lambda: dashboards_for(replace(domain, region="")), "p")
        assert "AWS_REGION" in change.reason
        assert len(server.requests) == asked
    assert dashboards_for(Settings()) is None
    with pytest.raises(MisconfiguredError, match="must end with the host"):
        dashboards_for(Settings(dashboards_url="https://d.example/_dashboards?x=1"))


def test_the_command(settings, store, tmp_path, monkeypatch):
    """`setup --dashboards URL` installs, `--check` tells by its exit status, `--no-dashboards` asks nothing; no Dashboards is no failure."""
    monkeypatch.setenv("TRACEJOIN_PREFIX", settings.prefix)

    def run(*arguments):
        result = CliRunner().invoke(cli, ["setup", "--endpoint", settings.endpoint, "--json", *arguments])
        return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()], result.stderr

    with DashboardsServer() as server:
        assert run("--check", "--dashboards", server.url)[0] == 1
        code, rows, _ = run("--dashboards", server.url)
        assert code == 0
        assert {row["name"] for row in rows if row["kind"] == "dashboard"} == {f"{settings.prefix}-{name}" for name in
                                                                              ("hidden-faults", "issues", "invocations", "pipeline-health")}  # fmt: skip
        assert run("--check", "--dashboards", server.url)[0] == 0
        asked = len(server.requests)
        code, rows, _ = run("--no-dashboards")
        assert (code, len(server.requests)) == (0, asked)
        assert not [row for row in rows if row["kind"] == "dashboards"]
        monkeypatch.setenv("TRACEJOIN_DASHBOARDS_URL", server.url)
        assert len(run()[1]) > 40
    code, rows, _ = run()
    (row,) = [row for row in rows if row["kind"] == "dashboards"]
    assert (code, row["action"]) == (0, "skipped")
    monkeypatch.delenv("TRACEJOIN_DASHBOARDS_URL")
    assert [row["reason"] for row in run()[1] if row["kind"] == "dashboards"] == [NOWHERE]
    for wrong in ("ftp://x", "https://u:p@h", "https://h?x"):
        code, _, error = run("--dashboards", wrong)
        assert (code, "Invalid value for '--dashboards'" in error) == (2, True)
    assert run("--dashboards", "https://h", "--no-dashboards")[0] == 2
    file = tmp_path / "x.ndjson"
    assert run("--save-dashboards", str(file)) == (0, [{"file": str(file)}], "")
    assert [json.loads(line) for line in file.read_text().splitlines()] == saved_objects(settings.prefix)
    assert run("--save-dashboards", str(tmp_path / "none" / "x.ndjson"))[0] == 2


def test_doctor_tells_what_is_there(settings, store):
    """`doctor` warns of what is missing and of what differs, is silent where all is there, and does not know where nobody answers."""
    from pipeline.doctor.collect.opensearch import read_saved_objects
    from pipeline.doctor.opensearch import dashboards

    def told(url):
        own = replace(settings, dashboards_url=url)
        return [(result.status, result.message) for result in dashboards(read_saved_objects(own), settings.endpoint, own)]

    with DashboardsServer() as server:
        ((status, message),) = told(server.url)
        assert status == "warning"
        assert "are not there" in message
        installed(server, prefix=settings.prefix)
        assert told(server.url) == []
        server.objects["dashboard", f"{settings.prefix}-issues"]["attributes"]["title"] = "mine"
        ((status, message),) = told(server.url)
        assert (status, "not those of this version" in message) == ("warning", True)
    assert [status for status, _ in told(server.url)] == ["unknown"]
    assert told("") == [("unknown", NOWHERE)]


def test_the_stack_s_setup_installs_it_too(settings, store, monkeypatch):
    """The custom resource's function installs the saved objects, and does not fail where nobody answers."""
    from shipper_function.setup import set_up

    with DashboardsServer() as server:
        for name, value in {
            "TRACEJOIN_ENDPOINT": settings.endpoint,
            "TRACEJOIN_PREFIX": settings.prefix,
            "TRACEJOIN_DASHBOARDS_URL": server.url,
        }.items():
            monkeypatch.setenv(name, value)
        kinds = Counter((change.kind, change.action) for change in set_up(lambda: 0))
        assert kinds["dashboard", "created"] == 4
        assert kinds["correlations", "created"] == 1
        assert ("dashboard", f"{settings.prefix}-issues") in server.objects
    (change,) = [change for change in set_up(lambda: 0) if change.kind == "dashboards"]
    assert (change.action, "does not answer" in change.reason) == ("skipped", True)
