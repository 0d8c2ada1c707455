"""Setup: the Lambda function of a custom resource that installs `mappings/` before the first line is shipped and after each change."""

import os
import platform
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from pipeline.configure import dashboards_for, store_for
from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.settings import Settings
from shipper_function.custom_resource import respond

if TYPE_CHECKING:
    from pipeline.provision.desired_state import Change

# a new domain's name and a new role's permissions take up to a few minutes to be known everywhere
_PAUSE = 10.0
_LAST_SECONDS = 30.0

logger = Logger(service="tracejoin-setup")


def set_up(remaining: Callable[[], float], pause: Callable[[float], None] = time.sleep) -> "list[Change]":
    """Installs everything, and returns the changes. Where OpenSearch does not answer or does not let us in yet, it tries again.

    Args:
        remaining: the seconds that are left.
        pause: waits a number of seconds.

    Raises MisconfiguredError, UnavailableError or BadInputError.
    """
    try:
        # imported here, where a failure is told to the stack: it needs compiled code, and a package holds that of one processor
        from pipeline.provision.install import install  # noqa: PLC0415
        from pipeline.provision.saved_objects import install_saved_objects  # noqa: PLC0415
        from pipeline.redact.prefilter import require_hyperscan  # noqa: PLC0415

        # ship needs it at the first line only, and would tell no stack
        require_hyperscan()
    except ImportError as error:
        problem = f"the package does not run on {platform.machine()} ({error}): build and deploy with the same Architecture"
        raise MisconfiguredError([f"{problem}, such as make build ARCHITECTURE=x86_64 && sam deploy --config-env x86_64"]) from error
    settings = Settings.from_environment(os.environ)
    while True:
        try:
            # what is installed already is left as it is, so beginning anew is safe
            changes = install(store_for(settings), retention_days=settings.retention_days, function_roles=settings.function_roles)
        except (MisconfiguredError, UnavailableError) as error:
            if remaining() < _LAST_SECONDS + _PAUSE:
                raise
            logger.warning("not yet", extra={"reason": str(error)})
            pause(_PAUSE)
        else:
            # a Dashboards that does not answer is no failure
            return changes + install_saved_objects(partial(dashboards_for, settings), settings.prefix)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handles a request of the custom resource. A Delete does nothing: documents outlive the stack, unless it made OpenSearch itself."""

    def work(request: str, rolls_back: bool) -> dict[str, Any]:
        if request == "Delete":
            return {}
        # a rollback does not wait
        changes = set_up(lambda: 0 if rolls_back else context.get_remaining_time_in_millis() / 1000)
        for change in changes:
            logger.info("set up", extra={"kind": change.kind, "name_": change.name, "action": change.action, "reason": change.reason})
        return dict(Counter(change.action for change in changes))

    return respond(event, logger, work)
