"""Logs: a CloudWatch Logs event becomes addressed log documents.

In:    an event of Lambda (awslogs, Kinesis, Firehose), as decoded JSON.
Out:   LogLine documents with index and _id; the ids, severity and signals that each line shows.
Touch: nothing outside. May import `redact`, `model`, `errors`.
Order: envelope, decode, extract, printed, correlate, document_address; line_facts makes facts about the trace from a log document.
"""
