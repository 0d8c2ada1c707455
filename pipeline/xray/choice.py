"""Choice: which source it is, by setting, or found out at start."""

from collections.abc import Callable
from typing import Any

from pipeline.errors import UnavailableError
from pipeline.settings import Settings
from pipeline.xray.batch_get_traces import BatchGetTraces
from pipeline.xray.budget import Budget
from pipeline.xray.client import Client
from pipeline.xray.source import Source
from pipeline.xray.spans_subscription import SpansSubscription
from pipeline.xray.trace_retrieval import TraceRetrieval


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
