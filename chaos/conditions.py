"""Conditions: what all processes of a run see at once: the clock, and which service is away. In shared memory, since workers are killed."""

import time
from multiprocessing.sharedctypes import RawArray
from typing import Final

_NAMES: Final = ("clock_offset", "revealed", "xray_away", "xray_denied", "sns_away", "sqs_away", "faults_on", "slowness", "always_slow")


class Conditions:
    """Numbers that are set in one process and read in the others.

    Attributes:
        clock_offset: seconds that the workers' clock is ahead.
        revealed: the share of the traces, 0 to 1, that X-Ray shows.
        xray_away: 1 while X-Ray does not answer.
        xray_denied: 1 while X-Ray refuses the credentials.
        sns_away: 1 while SNS does not answer.
        sqs_away: 1 while SQS does not answer.
        faults_on: 1 while the proxy injects faults.
        slowness: seconds that the proxy adds to every answer for a while.
        always_slow: seconds that it adds during the whole run.
    """

    def __init__(self) -> None:
        self._numbers = RawArray("d", len(_NAMES))

    def __getitem__(self, name: str) -> float:
        return float(self._numbers[_NAMES.index(name)])

    def __setitem__(self, name: str, value: float) -> None:
        self._numbers[_NAMES.index(name)] = value

    def now(self) -> float:
        """The workers' time in seconds since the epoch."""
        return time.time() + self["clock_offset"]

    def calm(self) -> None:
        """Ends all faults; X-Ray shows everything. The clock stays."""
        offset = self["clock_offset"]
        for name in _NAMES:
            self[name] = 0
        self["clock_offset"] = offset
        self["revealed"] = 1
