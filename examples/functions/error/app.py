"""error: raises, as the blog's does."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    logger.set_correlation_id((event.get("headers") or {}).get("x-correlation-id"))
    logger.info("about to fail")
    raise ValueError("the order has no lines")
