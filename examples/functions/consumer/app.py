"""consumer: takes orders from a queue that is subscribed to a topic."""

import json

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from aws_xray_sdk.core import xray_recorder

logger = Logger()


# an environment serves many invocations: without clear_state the last one's correlation id would stand on the logged event
@logger.inject_lambda_context(log_event=True, clear_state=True)
def handler(event: dict, context: LambdaContext) -> dict:
    for record in event["Records"]:
        notification = json.loads(record["body"])
        order = json.loads(notification["Message"])
        logger.set_correlation_id(order["correlation_id"])
        with xray_recorder.in_subsegment("## accept"):
            logger.info("consumer accepts an order", extra={"message_id": notification["MessageId"]})
    return {"batchItemFailures": []}
