"""Replay: what could not be shipped goes through `ship` once more: parked events, and dead letters.

In:    Lambda's records in the bucket of parked events, Firehose's of what it could not transform, and dead letters in the index.
Out:   an outcome for each, with the ledger of its log events; what went through is deleted, all else stays where it is.
Touch: OpenSearch through `store`, and S3. It is a program above `ship`; Lambda runs it, too.
Order: parked_bucket reads each object as parked_record says; letter_events makes events of letters; choice says which are wanted; survey
       counts them by reason; run sends them by sender, at the pace that is allowed, and tells each outcome.
"""
