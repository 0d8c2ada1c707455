"""Redact: secrets in text and JSON values are masked before anything else reads them.

In:    log messages, segment documents and other JSON; the user's own keys and patterns.
Out:   the same, with `[redacted]` in place of each secret. docs/redaction.md says what is promised and what is not.
Touch: nothing outside. May import `model`, `errors`.
Order: prefilter marks the lines to examine; redactor masks what tokens and own_patterns find, and what secret_values finds by the names of
secret_keys. secret_values walks through a text: layout says where its strings and brackets are, value_end where a value ends, frames which
entries belong together, prose what is only a sentence, elements what markup holds, and views decode the texts within.
"""
