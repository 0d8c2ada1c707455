"""Collect: the calls of `tracejoin doctor`, one module a service.

In:    boto3 sessions, a store.
Out:   what stands there, as the structs of `resources`.
Touch: AWS and OpenSearch; each call only reads. `calls` makes them, and names the permission that each needs.
Order: none.
"""
