"""Errors: everything that tracejoin raises on purpose.

TracejoinError
├── BadInputError            the same input fails again: it is counted and kept, never retried
│   ├── EnvelopeError        an event or a record is no CloudWatch Logs envelope, or is larger than allowed
│   └── WrongUsageError      a person asks in a way that nothing can answer: the command line ends with 2
├── UnavailableError         a service did not answer or throttled the call: it is retried
└── MisconfiguredError       settings can't work: the program ends at start, with every problem listed
"""

from collections.abc import Sequence


class TracejoinError(Exception):
    """The base of every error that tracejoin raises; the command line prints it as one line.

    Attributes:
        status: the HTTP status of OpenSearch's answer, if an answer caused the error; else 0.
        answer: the body of that answer, as text.
        kind: the type of the error in that answer, as OpenSearch names it.
    """

    status: int = 0
    answer: str = ""
    kind: str = ""


class BadInputError(TracejoinError):
    """Raised for input that fails again however often it is tried."""


class EnvelopeError(BadInputError):
    """Raised for an event or a record that holds no readable CloudWatch Logs document."""


class WrongUsageError(BadInputError):
    """Raised for what a person asks, or an id that they name, in a form that there is not: whatever is stored, it can't be answered."""


class UnavailableError(TracejoinError):
    """Raised if a service does not answer or throttles a call: the same call may succeed later."""


class MisconfiguredError(TracejoinError):
    """Raised for settings that can't work.

    Args:
        problems: every problem that was found, each a sentence with its remedy.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))
