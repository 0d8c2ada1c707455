"""Id marks: the prefilter's expressions for lines that show tracing headers, or a request or correlation id under a rare name.

They have a module of their own, since most batches show none, and a cold start should not compile the expressions of `marked_ids`.
"""

from typing import Final

from pipeline.model.tracing_headers import TRACING_HEADERS

HEADERS, REQUEST_IDS, CORRELATION_IDS, EVENT_IDS = "tracing headers", "request ids", "correlation ids", "event ids"

# plain texts rather than classes, and cut short: Hyperscan looks for the last eight bytes of a plain text, and nearly every line holds
# those of "request_id" and "correlation"
ID_EXPRESSIONS: Final = {
    HEADERS: TRACING_HEADERS,
    REQUEST_IDS: (
        *(f"(?i){owner}{mark}req" for owner in ("aws", "lambda") for mark in ("", "_", "-", r"\.")),
        r"faas[._]?(?:invocation|execution)",
        r'"(?:spans?|mdc|contextMap|faas|lambda(?:_?[cC]ontext)?)"\s*:\s*[\[{]',
    ),
    # lines with nothing but the usual keys of Powertools and of Node.js match none of these
    # the answer of PutEvents, and an event as EventBridge passes it on
    EVENT_IDS: ("FailedEntryCount", "detail-type"),
    CORRELATION_IDS: ("(?i)x-corr", "(?i)x_corr", r"(?i)x\.corr", "CORRELATION", r"(?i)correlation[. -]id"),
}
"""Hyperscan expressions by purpose: every line that `marked_ids` has to examine for the purpose matches at least one of them."""
