"""Provision: compares what is wanted in OpenSearch and CloudWatch Logs with what is there, and changes what differs.

In:    the files in `mappings/`; which log groups are wanted.
Out:   a list of changes, made or only reported.
Touch: OpenSearch through `store`, CloudWatch Logs. May import `store`, `model`, `errors`.
Order: desired_state compares; install, security_roles and monitors bring OpenSearch there, subscriptions the log groups.
"""
