"""Subscribe: the log groups that shall be shipped get a subscription filter to `ship`, and those that shall not lose it.

`choice` says which log groups, `log_groups` is the edge to CloudWatch Logs, `subscriber` brings the one in line with the other. Only the
filter of the given name is ever touched, so that what was done can be undone and nobody else's filter is lost.
"""

from pipeline.subscribe.choice import PIPELINE_TAG, Choice
from pipeline.subscribe.log_groups import LogGroup, LogGroups, SubscriptionFilter, filter_of, log_group_of
from pipeline.subscribe.subscriber import Outcome, Subscriber

__all__ = [
    "PIPELINE_TAG", "Choice", "LogGroup", "LogGroups", "Outcome", "Subscriber", "SubscriptionFilter", "filter_of", "log_group_of",
]  # fmt: skip
