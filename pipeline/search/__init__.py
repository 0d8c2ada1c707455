"""Search: a person's query becomes documents and words.

In:    ids of any kind, words, times and filters.
Out:   lines and spans in time order, a waterfall, an explanation of a trace or of an empty answer.
Touch: OpenSearch through `store`. May import `join.transactions`, `join.enrich`, `issues`, `store`, `detect`, `model`, `errors`.
Order: time_expressions, comparisons, recorded_traces, query, read_records, question, words, search; then highlights, hit_pages,
       context_lines, overview, issue_list, findings, explain_trace, stale_ids, live_tail and no_results; waterfall_items, span_tree,
       waterfall, transaction_view; map_span, service_calls, service_map, service_list, service_names; pipeline_health, stored_usage;
       export and otlp.
"""
