"""Platform levels: the severity of Lambda's platform events, which Lambda filters by and does not write.

Sources, in the AWS Lambda developer guide: "Log-level filtering", its table "System log level event mapping"; for requestComplete "System
log event schema for Lambda Web Functions". An event that neither names has no severity.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from pipeline.logs.extract.log_line import Severity
from pipeline.logs.extract.severity import COMMON


class Outcome(msgspec.Struct):
    """What of a platform event's record its level depends on."""

    status: str = ""
    error_type: str = msgspec.field(name="errorType", default="")
    runtime_version: Any = msgspec.field(name="runtimeVersion", default=None)
    initialization_type: Any = msgspec.field(name="initializationType", default=None)


def _is_bad(outcome: Outcome) -> bool:
    # AWS' own example of platform.report has no status
    return outcome.status.lower() not in {"", "success"}


def _start(outcome: Outcome) -> str:
    return "INFO" if outcome.runtime_version else "DEBUG"


def _done(outcome: Outcome) -> str:
    return "WARN" if _is_bad(outcome) else "DEBUG"


def _report(outcome: Outcome) -> str:
    return "WARN" if _is_bad(outcome) else "INFO"


def _init_report(outcome: Outcome) -> str:
    return _report(outcome) if outcome.initialization_type != "on-demand" else _done(outcome)


def _extension(outcome: Outcome) -> str:
    return "WARN" if outcome.error_type or _is_bad(outcome) else "INFO"


_LEVELS: Final[Mapping[str, Callable[[Outcome], str]]] = {
    "platform.initStart": _start,
    "platform.initRuntimeDone": _done,
    "platform.initReport": _init_report,
    "platform.restoreStart": _start,
    "platform.restoreRuntimeDone": _done,
    "platform.restoreReport": _report,
    "platform.start": lambda _: "INFO",
    "platform.runtimeDone": _done,
    "platform.report": _report,
    "platform.extension": _extension,
    "platform.telemetrySubscription": lambda _: "INFO",
    "platform.logsSubscription": lambda _: "INFO",
    "platform.logsDropped": lambda _: "WARN",
    "platform.requestComplete": lambda _: "DEBUG",
}


def level_of(kind: str, outcome: Outcome) -> Severity | None:
    """The severity of a platform event of this ``kind``, such as platform.report; None if AWS names no level for it."""
    level = _LEVELS.get(kind)
    return COMMON[level(outcome)][0] if level else None
