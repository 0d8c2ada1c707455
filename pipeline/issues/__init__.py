"""Issues: what traces show of one cause, and what people decided, become one document an issue.

In:    the ids of traces with hidden faults; a person's decision.
Out:   stored issues, and those that somebody is to be told of.
Touch: OpenSearch through `store`. May import `store`, `detect`, `model`, `errors`.
Order: issue (what it is), observation and decision (how it changes), sightings (what the traces say), issue_records, watch, upkeep.
"""
