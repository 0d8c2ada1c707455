"""Error payload patterns: the prefilter's expressions for lines that may show an error payload; `error_payload` examines those.

They have a module of their own, since most batches show no payload, and a cold start should not compile the expressions of `error_payload`.
"""

from typing import Final

# a payload may be JSON in JSON, whose quotes have backslashes, or the rendering of Python, Node.js, Java, Go, Ruby or PHP; repeats are
# bounded to bound the cost
QUOTE: Final = r"""[\\"'\]]{0,5}"""
IS: Final = rf"{QUOTE}\s{{0,4}}(?:=>|[:=])\s{{0,4}}"
VALUE: Final = rf"""{IS}[\\"']{{0,4}}"""

ERROR_PAYLOADS: Final = (
    rf"tatusCode{VALUE}5\d\d", rf"errorMessage{IS}", rf"[Ee]rrors{IS}(?:\[|[Tt]rue)", rf"[bB]atchItemFailures{IS}\[",
    rf"Failed(?:Entry|Record|Put)Count{VALUE}[1-9]", rf"Unprocessed(?:Items|Keys){IS}\{{", rf"Failed{IS}\[",
    rf"{VALUE}(?:Execution(?:Failed|TimedOut)|FAILED|TIMED_OUT)", rf"FunctionError{VALUE}(?:Unh|H)andled", rf"fieldInError{IS}true",
)  # fmt: skip
"""Hyperscan expressions: every line that shows an error payload matches at least one of them."""
