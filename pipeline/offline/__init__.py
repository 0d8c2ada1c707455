"""Offline: a file becomes extracted ids or findings, without OpenSearch and without AWS.

In:    raw log lines, subscription events, segment documents or spans, as bytes.
Out:   an Explanation a line, or a Classification a trace.
Touch: nothing outside. May import `logs`, `traces`, `detect`, `redact`, `model`, `errors`.
Order: input_files reads; explain_lines and classify_traces take the steps of `ship` and `resolve`.
"""
