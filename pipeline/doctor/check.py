"""Check: a check of the account, and the loop that runs all checks so that none stops the others."""

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
    """One check of the account.

    Attributes:
        name: the name in `--json` and docs/doctor.md.
        holds: the message where nothing is wrong, a sentence.
        look: returns the results; none where nothing is wrong. Raises a TracejoinError where a read fails.
    """

    name: str
    holds: str
    look: Callable[[Account], Iterable[CheckResult]]


def diagnose(account: Account, checks: Sequence[Check]) -> Iterator[CheckResult]:
    """The results of every check, in order, at least one each; a check that fails gives one of status `unknown`."""
    for check in checks:
        for result in _results(check, account):
            yield replace(result, check=check.name)


def _results(check: Check, account: Account) -> list[CheckResult]:
    try:
        return list(check.look(account)) or [CheckResult("", "ok", "", check.holds)]
    except MisconfiguredError as error:
        return [unknown("", str(error), _DENIED if " is denied " in str(error) else "")]
    except TracejoinError as error:
        return [unknown("", str(error))]
