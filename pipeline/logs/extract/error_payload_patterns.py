"""Payload marks: a first look at many lines at once for those that may show a payload; what they show is `payload`'s to say.

Apart from it, since most batches show none, and a cold start should not wait until its expressions are compiled.
"""

from typing import Final

# a payload may be JSON in JSON, whose quotes have backslashes, or Python's own rendering; repeats are bounded, as the cost must be
QUOTE: Final = r"""[\\"']{1,4}"""
IS: Final = rf"{QUOTE}\s{{0,4}}:\s{{0,4}}"
VALUE: Final = rf"""{IS}[\\"']{{0,4}}"""

WORTH_A_LOOK: Final = (
    rf"statusCode{VALUE}5\d\d", rf"errorMessage{IS}", rf"[Ee]rrors{IS}(?:\[|[Tt]rue)", rf"batchItemFailures{IS}\[",
    rf"Failed(?:Entry|Record|Put)Count{VALUE}[1-9]", rf"Unprocessed(?:Items|Keys){IS}\{{", rf"Failed{IS}\[",
    rf"{VALUE}(?:Execution(?:Failed|TimedOut)|FAILED|TIMED_OUT)",
)  # fmt: skip
"""Regular expressions of which one is found in every line that shows a payload: a first look at many lines at once."""
