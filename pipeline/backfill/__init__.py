"""Backfill: past events of CloudWatch Logs become documents, as if a subscription had delivered them.

In:    log groups and times, or the objects of an export in S3.
Out:   subscription documents, window by window, through `ship`; counts of what became of them.
Touch: CloudWatch Logs, S3, OpenSearch through `store` and `ship`, and a file with the progress. May import `ship` and what is below it.
Order: log_group_names, portion; request_rate, filter_log_events and stream_windows, or exported_objects and exported_events; then
       portion_reader, stored_ids and backfill, with saved_progress beside; aws_errors everywhere.
"""
