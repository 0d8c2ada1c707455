"""timeout: outlives its time limit."""

import time

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    logger.set_correlation_id((event.get("headers") or {}).get("x-correlation-id"))
    logger.info("this takes longer than I have")
    time.sleep(context.get_remaining_time_in_millis() / 1000 + 10)
    return {"statusCode": 200}
