"""Configure: makes the objects that the rooms work with from the settings. Rooms take values; only programs know settings.

Each function imports what it makes: a cold start pays for nothing that it does not use.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.alert.message import ConsoleLinks
    from pipeline.alert.sns import Topic
    from pipeline.detect.rule import Rules
    from pipeline.detect.verdict import Evaluator, Verdict
    from pipeline.model.trace_state import TraceState
    from pipeline.redact.redactor import Redactor
    from pipeline.store.client import Store
    from pipeline.traces.sources.source import TraceSource


def store_for(settings: Settings) -> "Store":
    """Makes a Store for the settings' OpenSearch; no request is sent yet, and no secret read.

    Raises MisconfiguredError where the endpoint can't be used, or requests have to be signed and credentials or the region are missing.
    """
    from pipeline.store.connect import connect

    return connect(settings.endpoint, service=settings.service, region=settings.region, username=settings.username,
                   password=settings.password, secret=settings.opensearch_secret, prefix=settings.prefix)  # fmt: skip


@lru_cache(maxsize=8)
def _redactor(keys: tuple[str, ...], patterns: tuple[str, ...], classes: tuple[str, ...], *, on: bool) -> "Redactor":
    from pipeline.redact.redactor import Redactor

    return Redactor(keys, patterns, classes, on=on)


def redactor_for(settings: Settings) -> "Redactor":
    """Returns the redactor for the settings; the same object for equal settings."""
    return _redactor(settings.redact_keys, settings.redact_patterns, settings.redact_classes, on=settings.redact)


def rules_for(settings: Settings) -> "Rules":
    """Returns the rules by name: the default ones, changed by the settings' rule file. Raises MisconfiguredError if that file is wrong."""
    if not settings.rules_file:
        from pipeline.detect.rule import default_rules

        return default_rules()
    from pipeline.detect.rule_file import read_rule_file

    return read_rule_file(settings.rules_file)


def evaluator_for(settings: Settings) -> "Evaluator":
    """Returns a function that evaluates a trace's state by the settings' rules. It imports `detect` at its first call."""
    loaded: list[Evaluator] = []

    def evaluate_state(state: "TraceState") -> "Verdict":
        if not loaded:
            from pipeline.detect.evaluate import evaluate

            give_up_after = max(settings.lookup_delays) * 1000
            loaded.append(partial(evaluate, rules=rules_for(settings), give_up_after_ms=give_up_after, account=settings.own_account))
        return loaded[0](state)

    return evaluate_state


def trace_source_for(settings: Settings, client: Callable[[], Any]) -> "TraceSource":
    """Makes the trace source that the settings name; for `auto`, the one that this account's X-Ray serves.

    Args:
        settings: the source, the format of retrievals, and the account's budget of calls, which the workers share equally.
        client: makes boto3's `xray` client; not called for `aws/spans`.
    """
    if settings.trace_source == "aws/spans":
        from pipeline.traces.sources.spans_subscription import SpansSubscription

        return SpansSubscription()
    from pipeline.traces.sources.batch_get_traces import BatchGetTraces
    from pipeline.traces.sources.budget import CallBudget
    from pipeline.traces.sources.chosen_source import ChosenSource
    from pipeline.traces.sources.trace_retrieval import TraceRetrieval

    budget = CallBudget(settings.lookups_per_minute / settings.workers)
    if settings.trace_source == "auto":
        return ChosenSource(client(), budget, settings.trace_format)
    if settings.trace_source == "StartTraceRetrieval":
        return TraceRetrieval(client(), budget, trace_format=settings.trace_format)
    return BatchGetTraces(client(), budget)


def console_links_for(settings: Settings) -> "ConsoleLinks":
    """Returns where an alert's links lead: the X-Ray console of the region, and OpenSearch Dashboards, which Amazon's domains have."""
    from pipeline.alert.message import ConsoleLinks

    of_domain = f"{settings.endpoint}/_dashboards" if settings.service else ""
    return ConsoleLinks(region=settings.region, dashboards=settings.dashboards_url or of_domain)


def alert_topic_for(settings: Settings) -> "Topic | None":
    """Makes the SNS topic that the settings name, in its own region, with the credentials that boto3 finds; None without a topic."""
    if not settings.alert_topic:
        return None
    import boto3
    from botocore.config import Config

    from pipeline.alert.sns import Topic

    # short timeouts: a late alert is better than a function that runs out of time
    config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
    region = settings.alert_topic.split(":")[3]
    return Topic(boto3.client("sns", region_name=region, config=config), settings.alert_topic)
