"""Finding: what a check says."""

from typing import Literal

import msgspec

Status = Literal["ok", "warning", "problem", "unknown"]


class CheckResult(msgspec.Struct, frozen=True):
    """One thing that a check found.

    Attributes:
        check: its name in the registry; set by who runs the check.
        status: ``problem`` where something does not work, ``warning`` where something is lost or costs money, ``unknown`` where it could
            not be found out.
        resource: the name of what it speaks of, as its AWS service or OpenSearch has it.
        message: what is wrong.
        remedy: a command or a step that can be pasted; empty where there is nothing to do.
    """

    check: str
    status: Status
    resource: str
    message: str
    remedy: str = ""


def fine(resource: str, message: str, remedy: str = "") -> CheckResult:
    """Nothing is wrong; with a ``remedy`` it is a hint."""
    return CheckResult("", "ok", resource, message, remedy)


def warning(resource: str, message: str, remedy: str) -> CheckResult:
    """Something is lost or costs money, and the rest works."""
    return CheckResult("", "warning", resource, message, remedy)


def problem(resource: str, message: str, remedy: str) -> CheckResult:
    """Something does not work."""
    return CheckResult("", "problem", resource, message, remedy)


def unknown(resource: str, message: str, remedy: str = "") -> CheckResult:
    """It could not be found out."""
    return CheckResult("", "unknown", resource, message, remedy)
