"""Alert: someone is told of a hidden fault, once for each trace and rule.

In:    settled trace records with findings.
Out:   SNS messages; a storm becomes a few of them.
Touch: SNS, and OpenSearch through `store`. May import `store`, `detect`, `model`, `errors`.
Order: outbox notes what is to be told, grouping and message say how, dispatch sends it through sns and marks it as sent.

An alert is noted before its trace counts as settled, and is pending until it is marked. So a crash at any moment ends with a message;
only a crash between sending and marking ends with two.
"""
