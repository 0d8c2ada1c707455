"""Alert: sends a message about hidden faults, once for each issue, or for each trace and rule.

In:    issues that are due, or settled trace records with findings.
Out:   SNS messages; many alerts at once share a few of them, and what was decided about an issue has one of its own.
Touch: SNS, and OpenSearch through `store`. May import `issues`, `store`, `detect`, `model`, `errors`.
Order: outbox stores alerts, issue_outbox finds the issues that are due; grouping and message make notifications of them, with issue_words,
       and with quotation for each text of others, payload makes one for programs; dispatch takes the lease, sends these through sns, in
       protocol_bodies, and marks the alerts as sent.

An alert is stored before its trace counts as settled; an issue is due in the write that notes why. Both are pending until they are marked.
So a crash at any moment ends with a message; only a crash between sending and marking ends with two.
"""
