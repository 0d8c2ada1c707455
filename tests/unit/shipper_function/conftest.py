"""The handlers with fakes in the places of their services."""

from dataclasses import replace

import pytest

from pipeline.local.lambda_runtime import Context
from shipper_function import hint_batch as hints_module
from shipper_function import resolve as resolve_module
from tests.support.handlers import SETTINGS, FakeQueue


@pytest.fixture
def lambda_names(monkeypatch):
    """What Lambda's runtime sets, as far as Powertools reads it; the Tracer stays silent."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_LAMBDA_LOG_STREAM_NAME", "s")
    monkeypatch.setenv("LOCAL_FUNCTION_ARN", "arn:aws:lambda:eu-west-1:123456789012:function:f")


@pytest.fixture
def resolve(lambda_names, monkeypatch):
    """Hands records to the resolve function; returns its answer, with the fakes in place."""

    def call(records, resolver, queue=None, dead_letters=None, context=None):
        monkeypatch.setattr(resolve_module, "resolver", lambda: resolver)
        settings = replace(SETTINGS, dead_letters_url="https://sqs.example/d" if dead_letters else "")
        monkeypatch.setattr(resolve_module, "settings", lambda: settings)
        monkeypatch.setattr(hints_module, "queue", lambda settings: queue or FakeQueue())
        monkeypatch.setattr(hints_module, "dead_letters", lambda settings: dead_letters)
        return resolve_module.handler({"Records": records}, context or Context("52fdfc07-2182-454f-963f-5f0f9a621d72", 4e9))

    return call
