"""Detect: the merged state of a trace becomes a verdict with findings.

In:    a TraceState, and the rules.
Out:   a Verdict: how complete the trace is, what the caller was answered, and each Finding with its evidence.
Touch: nothing outside: no clock, no order, no input or output. May import `model`, `errors`.
Order: evaluate calls completeness, edge_response and engine; engine runs `rules` on a trace_view; failures groups the findings for people,
       and fingerprint says which issues they show, with message_template.
"""
