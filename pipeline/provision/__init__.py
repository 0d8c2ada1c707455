"""Provision: compares what is wanted in OpenSearch, its Dashboards and CloudWatch Logs with what is there, and changes what differs.

In:    the files in `mappings/`; which log groups are wanted.
Out:   a list of changes, made or only reported.
Touch: OpenSearch through `store`, Dashboards, CloudWatch Logs. May import `store`, `model`, `errors`.
Order: desired_state compares; install, security_roles and monitors bring OpenSearch there, saved_objects its Dashboards (through dashboards
       and dashboards_access), subscriptions the log groups.
"""
