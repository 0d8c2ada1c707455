"""Store: documents in, documents out. The only room that speaks to OpenSearch.

In:    documents, queries, and facts to merge into trace records.
Out:   hits and results, each item accounted for; trace records and join keys, written by compare-and-set.
Touch: OpenSearch. May import `logs`, `traces`, `detect`, `model`, `errors`.
Order: connect makes a client, with a login that secret reads; failure, refusal and tls_fault say why a request failed; log_writer,
       span_writer and dead_letters write; trace_records and join_keys merge; document_facts, stored_addresses and stored_letters read
       back; pages and buckets read what may be long.
"""
