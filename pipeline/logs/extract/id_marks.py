"""Id marks: the prefilter's expressions for lines that show tracing headers, or a request or correlation id under a rare name.

They have a module of their own, since most batches show none, and a cold start should not compile the expressions of `marked_ids`.
"""

from typing import Final

from pipeline.model.tracing_headers import TRACING_HEADERS

HEADERS, REQUEST_IDS, CORRELATION_IDS = "tracing headers", "request ids", "correlation ids"

# plain texts rather than classes, since nearly every line holds a part of these names: Hyperscan rules out plain texts at once
ID_EXPRESSIONS: Final = {
    HEADERS: TRACING_HEADERS,
    REQUEST_IDS: (
        *(f"(?i){owner}{mark}request{mark}id" for owner in ("aws", "lambda") for mark in ("", "_", "-", r"\.")),
        *(f"(?i){owner}[_.]requestid" for owner in ("aws", "lambda")),
        r"faas[._]?(?:invocation|execution)",
        r'"(?:spans?|mdc|contextMap|faas|lambda(?:_?[cC]ontext)?)"\s*:\s*[\[{]',
    ),
    # lines with nothing but the usual keys of Powertools and of Node.js match none of these
    CORRELATION_IDS: ("(?i)x-correlation-", "(?i)x_correlation_", r"(?i)x\.correlation\.", "CORRELATION", r"(?i)correlation[. -]id"),
}
"""Hyperscan expressions by purpose: every line that `marked_ids` has to examine for the purpose matches at least one of them."""
