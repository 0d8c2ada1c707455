"""The sample application: real handlers, Powertools and X-Ray SDK on the local platform."""

import boto3
import pytest

from pipeline.extract import extract
from pipeline.ids import to_xray
from pipeline.local.application import run_sample_application
from pipeline.local.environment import REGION
from pipeline.local.lambda_service import Function, LambdaService, new_trace
from pipeline.local.xray import LocalXRay
from pipeline.segments import read_document
from pipeline.unpack import unpack


@pytest.fixture(scope="module")
def run():
    """One run, with what X-Ray has of it."""
    with LocalXRay() as xray:
        run = run_sample_application(xray)
        client = boto3.client("xray", region_name=REGION, endpoint_url=xray.endpoint, aws_access_key_id="a", aws_secret_access_key="b")
        traces = {}
        for request in run.requests:
            for trace in client.batch_get_traces(TraceIds=[to_xray(request.trace_id)])["Traces"]:
                traces[request.trace_id] = [segment for entry in trace["Segments"] for segment in read_document(entry["Document"])]
        client.close()
        yield run, traces


def test_every_client_saw_a_success(run):
    """The blog's complaint: whatever fails below, service-a answers 200."""
    assert {request.status for request in run[0].requests} == {200}


def test_one_trace_holds_the_whole_transaction(run):
    """API Gateway, both Lambda segments of each function, and the SDK's subsegments are in one trace."""
    names = {segment.fact.name for segment in run[1][run[0].requests[0].trace_id]}
    assert {"sample-api/prod", "service-a", "service-b", "service-c", "sns", "s3", "dynamodb", "## price"} <= names


def test_the_sdk_hides_a_failed_invocation(run):
    """The subsegment of a failed Invoke says 200 and carries no flag, only aws.function_error."""
    calls = [segment.fact for segments in run[1].values() for segment in segments if segment.fact.function_error]
    assert [(fact.status, fact.fault, fact.error, fact.function_error) for fact in calls] == [(200, False, False, "Unhandled")]


def test_an_unsampled_request_leaves_no_segment(run):
    """With Sampled=0 nothing is sent, and the REPORT lines say so."""
    unsampled = run[0].requests[-1]
    assert unsampled.trace_id not in run[1]
    lines = [
        extract(event.message) for sent in run[0].events for batch in unpack(sent, max_bytes=1 << 20).batches for event in batch.events
    ]
    assert {line.sampled for line in lines if line.trace_id == unsampled.trace_id and line.format == "lambda-report"} == {False}


def test_the_logs_are_the_writers_own(run):
    """Powertools' lines carry trace, request and correlation id; the platform's frame them; the timeout is told twice."""
    batches = [batch for sent in run[0].events for batch in unpack(sent, max_bytes=1 << 20).batches]
    assert {batch.log_group for batch in batches} == {
        f"/aws/lambda/{name}" for name in ("service-a", "service-b", "service-c", "cached-segment", "error", "timeout")
    }
    lines = [extract(event.message) for batch in batches for event in batch.events]
    assert {"lambda-start", "lambda-end", "lambda-report", "powertools-json", "json", "python-text", "lambda-timeout", "text"} == {
        line.format for line in lines
    }
    assert sum("timeout" in line.signals for line in lines) == 2
    powertools = [line for line in lines if line.format == "powertools-json"]
    assert all(line.trace_id and line.request_id and line.correlation_ids for line in powertools[1:])


def test_a_runtime_that_ends_is_a_crash(tmp_path):
    """A handler that kills its process is told of at once, as Lambda does, and the next invocation gets a new one."""
    handler = tmp_path / "app.py"
    handler.write_text(
        "import os\n\ndef handler(event, context):\n    print('going')\n    os._exit(1) if event['die'] else None\n    return 'alive'\n"
    )
    with LocalXRay() as xray:
        functions = LambdaService([Function(name="frail", handler=handler)], {}, xray)
        functions.wait_until_ready()
        dead = functions.invoke("frail", {"die": True}, new_trace(sampled=True))
        alive = functions.invoke("frail", {"die": False}, new_trace(sampled=True))
        functions.stop()
    assert (dead.error["type"], alive.result) == ("Runtime.ExitError", "alive")
    signals = [extract(event["message"]).signals for log in functions.logs for event in log.events]
    assert ("crash",) in signals
    assert len(functions.logs) == 2


def test_the_users_own_aws_settings_stay_outside(monkeypatch):
    """A profile that is not there, a proxy, other endpoints and log levels change nothing, and nothing leaves this machine."""
    for key, value in {"AWS_PROFILE": "nope", "HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1", "SERVICES": "sqs",
                       "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "POWERTOOLS_DEV": "1",
                       "POWERTOOLS_LOG_LEVEL": "ERROR", "AWS_XRAY_SDK_ENABLED": "false"}.items():  # fmt: skip
        monkeypatch.setenv(key, value)
    with LocalXRay() as xray:
        run = run_sample_application(xray)
    assert {request.status for request in run.requests} == {200}
    assert sum(len(batch.events) for sent in run.events for batch in unpack(sent, max_bytes=1 << 20).batches) == 72
    assert xray.calls["datagrams"] >= 30
