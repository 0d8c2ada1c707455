"""Notify: takes what the alert topic says to where people are: Slack, Microsoft Teams, PagerDuty, any webhook.

In:    messages of the topic as SNS hands them to a function, and the channels in a secret.
Out:   HTTPS requests; what fails is tried again, one channel apart from the others.
Touch: the addresses of the channels, SQS and the secret. May import `alert`, `read_secret`, `model`, `errors`.
Order: topic_message reads a message, delivery_queue hands it on once a channel; channels has the addresses and keys, slack, teams,
       pagerduty and webhook make a request each, delivery sends it through https_post, which asks addresses whom it may reach.

No address and no key stands in an error, a log or a metric.
"""
