"""Collect: the reads of `tracejoin doctor`, one module per service.

In:    a boto3 session, a store.
Out:   the structs of `resources`.
Touch: AWS and OpenSearch, only reading. `calls` makes the calls, and names the permission that each needs.
Order: none.
"""
