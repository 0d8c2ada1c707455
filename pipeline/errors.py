"""Everything that tracejoin raises on purpose.

TracejoinError
├── BadInputError            will fail again on the same input: counted, kept, never retried
│   └── EnvelopeError        an event or a record that is no CloudWatch Logs envelope, or is larger than allowed
├── UnavailableError         a service did not answer, or asked us to slow down: retried
└── MisconfiguredError       settings that can't work: fails at start, with every problem listed
"""

from collections.abc import Sequence


class TracejoinError(Exception):
    """The root of the tree; the command line prints it as one line.

    Attributes:
        status: the HTTP status of OpenSearch's answer, where an answer caused it; else 0.
        answer: the body of that answer, as text.
    """

    status: int = 0
    answer: str = ""


class BadInputError(TracejoinError):
    """Input that will fail again however often it is tried."""


class EnvelopeError(BadInputError):
    """An event or a record that holds no readable CloudWatch Logs document."""


class UnavailableError(TracejoinError):
    """A service that did not answer or asked for less: the same call may succeed later."""


class MisconfiguredError(TracejoinError):
    """Settings that can't work.

    Args:
        problems: every fault that was found, each a sentence with its remedy.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))
