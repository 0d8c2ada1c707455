"""Subscriptions: wanted log groups get a subscription filter to `ship`, and those not wanted lose it.

In:    patterns and a tag of log groups; the filter's name and pattern.
Out:   which log groups were subscribed, left alone or refused. Only the filter of that name is ever touched.
Touch: CloudWatch Logs. May import `model`, `errors`.
Order: selector says which log groups, log_groups speaks to CloudWatch Logs, subscriber brings the one in line with the other.
"""
