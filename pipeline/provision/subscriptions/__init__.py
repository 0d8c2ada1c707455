"""Subscriptions: wanted log groups get a subscription filter to `ship`, and the others lose it.

In:    patterns and a tag of log groups; the filter's name and pattern.
Out:   which log groups were subscribed, left alone or refused. Only the filter of that name is ever touched.
Touch: CloudWatch Logs. May import `model`, `errors`.
Order: selector says which log groups are wanted, log_groups calls CloudWatch Logs, subscriber makes the filters match.
"""
