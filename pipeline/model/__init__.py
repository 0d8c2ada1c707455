"""Model: the types that all rooms share: trace ids, facts, the mergeable state of a trace, and time.

In:    text, JSON values, and facts about segments, requests, log lines and look-ups.
Out:   frozen structs and pure functions on them; `merge` gives the same state in any order.
Touch: nothing outside. May import `errors`.
Order: trace_ids, places, facts, bounds, trace_state, sampling, invocations; then log_groups, index_days, service_url, display_controls,
       json_values, timestamps, clock_times, durations, close_names and memo, which all rooms use.
"""
