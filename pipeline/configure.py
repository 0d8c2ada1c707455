"""Choice: which source it is, by setting, or found out at start."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from botocore.config import Config

from pipeline.alert.message import Links
from pipeline.alert.sns import Topic
from pipeline.detect.evaluate import Judge, judge
from pipeline.detect.rule import Rules, default_rules
from pipeline.errors import UnavailableError
from pipeline.redact.redactor import Redactor
from pipeline.settings import Settings
from pipeline.traces.sources.batch_get_traces import BatchGetTraces
from pipeline.traces.sources.budget import Budget
from pipeline.traces.sources.source import Source
from pipeline.traces.sources.spans_subscription import SpansSubscription
from pipeline.traces.sources.trace_retrieval import TraceRetrieval
from pipeline.traces.sources.xray_client import Client


def source_for(settings: Settings, client: Callable[[], Any]) -> Source:
    """The source that the settings name; where they leave it open, the one that this account's X-Ray answers through.

    Args:
        settings: the source, the format of retrievals, and the budget of the account, of which each worker takes its part.
        client: makes boto3's `xray` client; not called where no look-up is needed.

    Raises UnavailableError where X-Ray has to be asked and does not answer.
    """
    if settings.trace_source == "aws/spans":
        return SpansSubscription()
    budget = Budget(settings.lookups_per_minute / settings.workers)
    xray = client()
    searching = settings.trace_source == "StartTraceRetrieval" or (settings.trace_source == "auto" and _searches(xray, budget))
    return TraceRetrieval(xray, budget, trace_format=settings.trace_format) if searching else BatchGetTraces(xray, budget)


def _searches(xray: Any, budget: Budget) -> bool:
    answer = Client(xray, budget).goes_to_cloudwatch()
    if answer is None:
        # a guess would last as long as the worker
        raise UnavailableError("X-Ray throttles the question whether Transaction Search is on")
    return answer


def links_of(settings: Settings) -> Links:
    """Where things are to be looked at, as these settings have it; Amazon has Dashboards below the endpoint."""
    own = f"{settings.endpoint}/_dashboards" if settings.service else ""
    return Links(region=settings.region, dashboards=settings.dashboards_url or own)


def judge_for(settings: Settings) -> Judge:
    """The verdict as these settings want it."""
    return partial(judge, rules=rules_for(settings), give_up_after_ms=max(settings.lookup_delays) * 1000)


def rules_for(settings: Settings) -> Rules:
    """The rules as these settings want them. Raises MisconfiguredError where their file is wrong."""
    if not settings.rules_file:
        return default_rules()
    # imported here: few have one
    from pipeline.detect.rule_file import read_rule_file  # noqa: PLC0415

    return read_rule_file(settings.rules_file)


def redactor_for(settings: Settings) -> Redactor:
    """The redactor that the settings ask for; made once."""
    return _redactor(settings.redact_keys, settings.redact_patterns, on=settings.redact)


@lru_cache(maxsize=8)
def _redactor(keys: tuple[str, ...], patterns: tuple[str, ...], *, on: bool) -> Redactor:
    return Redactor(keys, patterns, on=on)


def connect_topic(settings: Settings) -> Topic | None:
    """The topic that the settings name, in its own region, with the credentials that boto3 finds; None where they name none."""
    if not settings.alert_topic:
        return None
    # imported here: without a topic nobody waits for it
    import boto3  # noqa: PLC0415

    # an alert that waits a minute is better than a function that runs out of time
    config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
    region = settings.alert_topic.split(":")[3]
    return Topic(boto3.client("sns", region_name=region, config=config), settings.alert_topic)
