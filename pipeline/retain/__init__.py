"""Retain: what of healthy traffic is kept and for how long, and what is never deleted.

In:    a policy, settled trace records, stored lines and spans, the id of a transaction to hold.
Out:   decisions in words; deletions that the record of a trace counts; documents moved out of the reach of every deletion.
Touch: OpenSearch through `store`. May import `join`, `store`, `logs`, `traces`, `detect`, `model`, `errors`.
Order: policy_file, policy, slowness, whole_transactions, decision, sampling_out; days, untraced_lines; legal_hold; forecast, in_words.
"""
