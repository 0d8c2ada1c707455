"""Environment: what Lambda tells a function of the stack, namely its settings and its name."""

import gc
import os
from functools import cache

from pipeline.settings import Settings

# a batch makes much that lives until its end: with Python's 700, looking for garbage was a sixth of what a batch of resolve cost
gc.set_threshold(10_000, 20, 20)


@cache
def settings() -> Settings:
    """The function's settings, read once per Lambda environment.

    Raises MisconfiguredError with every problem named, which fails the first invocation.
    """
    return Settings.from_environment(os.environ)


def function_name(otherwise: str) -> str:
    """The name of the running Lambda function, or ``otherwise`` outside Lambda. It names the metrics, so each stack has its own alarms."""
    return os.environ.get("AWS_LAMBDA_FUNCTION_NAME", otherwise)
