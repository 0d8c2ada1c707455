"""Alert: sends a message about a hidden fault, once for each trace and rule.

In:    settled trace records with findings.
Out:   SNS messages; many alerts at once share a few of them.
Touch: SNS, and OpenSearch through `store`. May import `store`, `detect`, `model`, `errors`.
Order: outbox stores alerts, grouping and message make notifications of them, with quotation for each text of others, dispatch sends these
       through sns and marks the alerts as sent.

An alert is stored before its trace counts as settled, and is pending until it is marked. So a crash at any moment ends with a message;
only a crash between sending and marking ends with two.
"""
