"""The setup function: a custom resource that installs `mappings/` before the first line is shipped, and after each change of them."""

import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from pipeline.configure import store_for
from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.provision.desired_state import Change
from pipeline.provision.install import install
from pipeline.settings import Settings
from shipper_function.custom_resource import respond

# a new domain's name and a new role's rights take up to a few minutes to be known everywhere
_PAUSE = 10.0
_LAST_SECONDS = 30.0

logger = Logger(service="tracejoin-setup")


def set_up(remaining: Callable[[], float], pause: Callable[[float], None] = time.sleep) -> list[Change]:
    """Installs everything; tries again while the time lasts, where OpenSearch does not answer or does not let us in yet.

    Raises MisconfiguredError, UnavailableError or BadInputError.
    """
    settings = Settings.from_environment(os.environ)
    while True:
        try:
            # what stands already is left as it is, so beginning anew is safe
            return install(store_for(settings), retention_days=settings.retention_days)
        except (MisconfiguredError, UnavailableError) as error:
            if remaining() < _LAST_SECONDS + _PAUSE:
                raise
            logger.warning("not yet", extra={"reason": str(error)})
            pause(_PAUSE)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Lambda's entry. A Delete does nothing: what was indexed outlives the stack, unless the stack made OpenSearch itself."""

    def work(request: str, back: bool) -> dict[str, Any]:
        if request == "Delete":
            return {}
        # on the way back nobody waits for what was there before
        changes = set_up(lambda: 0 if back else context.get_remaining_time_in_millis() / 1000)
        for change in changes:
            logger.info("set up", extra={"kind": change.kind, "name_": change.name, "action": change.action, "reason": change.reason})
        return dict(Counter(change.action for change in changes))

    return respond(event, logger, work)
