"""service-b: answers over API Gateway."""

import json

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from aws_xray_sdk.core import xray_recorder

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    logger.set_correlation_id((event.get("headers") or {}).get("x-correlation-id"))
    with xray_recorder.in_subsegment("## price") as subsegment:
        subsegment.put_annotation("path", "/service-b")
        logger.info("service-b answers")
    return {"statusCode": 200, "body": json.dumps({"price": 42})}
