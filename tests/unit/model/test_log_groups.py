"""Log groups: what the name of a log stream says."""

import json

import msgspec
import pytest

from pipeline.logs.decode import decode_event
from pipeline.model.log_groups import service_name_of, version_in
from pipeline.settings import Settings
from pipeline.ship import prepare

ID = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("stream", "version"),
    [
        (f"2026/11/24/[$LATEST]{ID}", "$LATEST"),
        (f"2026/11/24/[17]{ID}", "17"),
        (f"2026/11/24/orders[17]{ID}", "17"),
        (f"2026/11/24/{ID}", ""),
        ("ecs/app/17", ""),
        ("", ""),
    ],
)
def test_the_version_of_a_function(stream, version):
    """It stands in brackets in the names of Lambda's log streams, and nowhere else."""
    assert version_in(stream) == version


@pytest.mark.parametrize(
    ("group", "stream", "service"),
    [
        ("/shared/all", f"2026/11/24/orders[17]{ID}", "orders"),
        ("/aws/lambda/all", f"2026/11/24/orders-v2_x[$LATEST]{ID}", "orders-v2_x"),
        ("/aws/lambda/orders", f"2026/11/24/[$LATEST]{ID}", "orders"),
        ("/shared/all", f"2026/11/24/[$LATEST]{ID}", "all"),
        ("/shared/all", f"2026/11/24/a/b[1]{ID}", "all"),
        ("/shared/all", f"2026/11/24/a[1][2]{ID}", "all"),
        ("/shared/all", f"2026/11/24/orders[1]{ID}x", "all"),
        ("API-Gateway-Execution-Logs_x/prod", "", "x/prod"),
    ],
)
def test_the_service_of_a_stream(group, stream, service):
    """The function that the stream names, whatever the log group is called; else what the log group is named after."""
    assert service_name_of(group, stream) == service


def test_recorded_events_of_functions_are_told_as_theirs(samples):
    """What another forwarder says of each recorded event: a function's lines are that function's, whatever their log group is called."""
    told = 0
    for sample in json.loads((samples / "datadog_forwarder/expected.json").read_text()):
        decoded = decode_event(json.loads((samples / "datadog_forwarder" / sample["input"]).read_text()), max_bytes=10**7)
        lines = {line.event_id: json.loads(msgspec.json.encode(line)) for _, line in prepare(decoded, Settings())}
        for event in sample["records_out"]:
            line = lines[event["id"]]
            assert line["aws"]["logGroup"] == event["logGroup"]
            if event["functionArn"]:
                told += 1
                assert (line["serviceName"], event["functionArn"].rpartition(":")[2]) == (event["service"],) * 2
    assert told
