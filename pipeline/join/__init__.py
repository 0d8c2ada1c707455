"""Join: what belongs together is brought together, across batches, traces and time.

In:    freshly written log lines (`ship`), or records that have changed (`resolve`).
Out:   lines under their right trace, traces under one transaction, and the verdict on every line and span.
Touch: OpenSearch through `store`. May import `store`, `logs`, `traces`, `detect`, `model`, `errors`.
Order: catch_up is ship's half, reconcile is resolve's; both find_reassignments, reassign, join transactions (shown_keys says what each
       trace shows, transaction_walk loads what hangs together) and enrich.
"""
