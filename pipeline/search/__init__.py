"""Search: a person's query becomes documents and words.

In:    ids of any kind, words, times and filters.
Out:   lines and spans in time order, a waterfall, an explanation of a trace or of an empty answer.
Touch: OpenSearch through `store`. May import `join.transactions`, `store`, `detect`, `model`, `errors`.
Order: time_expressions, query, search; then findings, waterfall, explain_trace, stale_ids, live_tail and no_results.
"""
