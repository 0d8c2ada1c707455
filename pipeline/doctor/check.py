"""Check: a name, what has to be so, and how to find out; and running them, so that none stops the others."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from pipeline.doctor.account import Account
from pipeline.doctor.check_result import CheckResult, unknown
from pipeline.errors import MisconfiguredError, TracejoinError

_DENIED: Final = "Give whoever runs this the policy in docs/doctor.md."


@dataclass(frozen=True, slots=True)
class Check:
    """One question to the account.

    Attributes:
        name: as `--json` and docs/doctor.md have it.
        holds: what is so where nothing is wrong, a sentence.
        look: the findings; none where nothing is wrong. Raises a TracejoinError where it can't be found out.
    """

    name: str
    holds: str
    look: Callable[[Account], Iterable[CheckResult]]


def diagnose(account: Account, checks: Sequence[Check]) -> Iterator[CheckResult]:
    """The findings of every check, in order; at least one each."""
    for check in checks:
        for finding in _findings(check, account):
            yield replace(finding, check=check.name)


def _findings(check: Check, account: Account) -> list[CheckResult]:
    try:
        return list(check.look(account)) or [CheckResult("", "ok", "", check.holds)]
    except MisconfiguredError as error:
        return [unknown("", str(error), _DENIED if " is denied " in str(error) else "")]
    except TracejoinError as error:
        return [unknown("", str(error))]
