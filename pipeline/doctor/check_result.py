"""Check result: one thing that a check found, with its remedy."""

from typing import Literal

import msgspec

Status = Literal["ok", "warning", "problem", "unknown"]


class CheckResult(msgspec.Struct, frozen=True):
    """One thing that a check found.

    Attributes:
        check: the check's name; `diagnose` sets it.
        status: ``problem`` where something does not work, ``warning`` where something is lost or costs money, ``unknown`` where a read
            failed.
        resource: the name of the AWS resource or OpenSearch object.
        message: what is wrong.
        remedy: a command or a step that can be pasted; empty where there is nothing to do.
    """

    check: str
    status: Status
    resource: str
    message: str
    remedy: str = ""


def fine(resource: str, message: str, remedy: str = "") -> CheckResult:
    """A result of status ok; with a ``remedy`` it is a hint."""
    return CheckResult("", "ok", resource, message, remedy)


def warning(resource: str, message: str, remedy: str) -> CheckResult:
    """A result of status warning: something is lost or costs money, and the rest works."""
    return CheckResult("", "warning", resource, message, remedy)


def problem(resource: str, message: str, remedy: str) -> CheckResult:
    """A result of status problem: something does not work."""
    return CheckResult("", "problem", resource, message, remedy)


def unknown(resource: str, message: str, remedy: str = "") -> CheckResult:
    """A result of status unknown: a read failed."""
    return CheckResult("", "unknown", resource, message, remedy)
