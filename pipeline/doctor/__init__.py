"""Doctor: what is wrong with an account's set-up, each with its remedy. It only reads, and never enters Lambda.

`read` holds the edges, one module per service; `deployment` and `account` read each fact (`facts`, `subscribed`) when a check first needs
it, and keep it. The checks are functions from facts to findings, one module per area; `registry` lists them in order, `check` runs them:
what is denied or does not answer makes a check unknown and stops no other.
"""

from pipeline.doctor.account import Account
from pipeline.doctor.check import diagnose
from pipeline.doctor.finding import Finding
from pipeline.doctor.read.calls import Calls
from pipeline.doctor.registry import CHECKS

__all__ = ["CHECKS", "Account", "Calls", "Finding", "diagnose"]
