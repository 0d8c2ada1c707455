"""Checks of log formats, and of what API Gateway logs."""

import json
import shlex

from pipeline.doctor.formats import access_log_format, access_logs, lacks, levels
from pipeline.doctor.resources import Function, Stage
from pipeline.doctor.traces import tracing
from tests.support.doctor_facts import STACK, statuses
from tests.support.paths import DOCS


def test_the_formats_are_those_of_the_page():
    """What a remedy sets is what docs/api-gateway.md says, and lacks nothing itself."""
    page = (DOCS / "api-gateway.md").read_text()
    for kind in ("REST", "HTTP"):
        assert access_log_format(kind) in page
        assert lacks(Stage(kind=kind, api_id="a", api_name="", name="p", format=access_log_format(kind))) == []


def test_levels_and_tracing():
    """Text is fine; JSON is judged by its levels; the pipeline's own functions and those that are not shipped are left alone."""
    pipeline = {"TRACEJOIN_ENDPOINT": "x", "TRACEJOIN_QUEUE_URL": "y"}
    listed = [Function(name="text", log_group="g"), Function(name="json", log_group="g", log_format="JSON", system_level="WARN", application_level="FATAL"),
              Function(name="elsewhere", log_group="h", log_format="JSON", system_level="WARN"),
              Function(name="ours", log_group="g", log_format="JSON", system_level="WARN", environment=pipeline)]  # fmt: skip
    assert statuses(levels("r", listed, {"g"})) == [("warning", "json"), ("warning", "json")]
    assert statuses(tracing("r", listed, {"g"})) == [("warning", "text"), ("warning", "json")]


def test_access_logs():
    """None at all is told with the commands that make one; one that nobody ships is somebody else's; CLF is no JSON."""
    none = Stage(kind="REST", api_id="a1", api_name="shop", name="prod")
    http = Stage(kind="HTTP", api_id="a2", api_name="", name="$default")
    found = list(access_logs(STACK, [none, http], ()))
    assert statuses(found) == [("warning", "shop/prod"), ("warning", "a2/$default")]
    assert all("logs create-log-group --log-group-name /aws/apigateway/a" in finding.remedy for finding in found)
    assert (
        access_log_format("HTTP")
        == json.loads(shlex.split(found[1].remedy)[shlex.split(found[1].remedy).index("--access-log-settings") + 1])["Format"]
    )
    clf = Stage(
        kind="REST",
        api_id="a",
        api_name="",
        name="p",
        destination="arn:aws:logs:r:1:log-group:g",
        format="$context.requestId $context.status",
    )
    assert list(access_logs(STACK, [clf], ())) == []
    assert "no JSON" in next(access_logs(STACK, [clf], {"g"})).message
    assert lacks(Stage(kind="HTTP", api_id="a", api_name="", name="p", format='{"a":"$context.awsEndpointRequestId"}')) == [
        "$context.requestId"
    ]


def test_an_access_log_that_ship_does_not_know():
    """A stage whose shipped access log goes to a log group of another name: ship must be told that it is API Gateway's."""
    stage = Stage(kind="HTTP", api_id="a", api_name="shop", name="p", destination="arn:aws:logs:r:1:log-group:shop-access",
                  format=access_log_format("HTTP"))  # fmt: skip
    (found,) = access_logs(STACK, [stage], {"shop-access"})
    assert "shop-access" in found.message
    assert found.remedy.endswith(",shop-access'")
    assert list(access_logs(STACK, [stage], {"shop-access"}, ("shop-*",))) == []
