"""X-Ray: three sources of traces behind one interface, within a budget; each says plainly what came back."""

from pipeline.xray.batch_get_traces import BatchGetTraces
from pipeline.xray.budget import Budget
from pipeline.xray.choice import source_for
from pipeline.xray.source import Answer, Source
from pipeline.xray.spans_subscription import SpansSubscription
from pipeline.xray.trace_retrieval import TraceRetrieval

__all__ = ["Answer", "BatchGetTraces", "Budget", "Source", "SpansSubscription", "TraceRetrieval", "source_for"]
