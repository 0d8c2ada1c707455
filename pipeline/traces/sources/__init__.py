"""Sources: three ways to ask for traces behind one interface, within a budget of calls.

In:    trace ids, each with the time of its first log line.
Out:   a LookupResult for each trace that was asked for, also where X-Ray is away; what the budget or a throttle put off is missing.
Touch: X-Ray, through boto3's client. May import `model`, `errors`.
Order: source is the interface; batch_get_traces, trace_retrieval and spans_subscription are the three; xray_client and budget serve them;
       chosen_source picks one of them, and circuit_breaker stands before them.
"""
