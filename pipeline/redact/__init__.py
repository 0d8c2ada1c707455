"""Redact: text and JSON values lose what is secret in them, before anything else is made of them.

In:    log messages, segment documents and other JSON; the user's own keys and patterns.
Out:   the same with `[redacted]` where a secret stood. docs/redaction.md says what it promises, and what it does not.
Touch: nothing outside. May import `model`, `errors`.
Order: prefilter marks the lines worth a look; redactor takes out what secret_keys, secret_values and tokens find.
"""
