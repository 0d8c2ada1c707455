"""service-d: answers over an HTTP API, and logs the headers that it was called with."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from aws_xray_sdk.core import xray_recorder

logger = Logger()


@logger.inject_lambda_context(correlation_id_path='headers."x-correlation-id"')
def handler(event: dict, context: LambdaContext) -> dict:
    logger.info("service-d was called", extra={"headers": event["headers"]})
    with xray_recorder.in_subsegment("## delivery") as subsegment:
        subsegment.put_annotation("path", "/service-d")
        logger.info("service-d answers")
    return {"deliverable": True}
