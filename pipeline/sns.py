"""The edge to SNS: messages to whoever subscribed."""

from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import BadInputError, UnavailableError
from pipeline.settings import Settings

# "a request parameter does not comply with the associated constraints" (Amazon SNS API reference, "Publish")
_REFUSED = frozenset({"InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid"})


class Topic:
    """A topic.

    Args:
        client: boto3's `sns` client.
        arn: the topic's ARN.
    """

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, subject: str, text: str, attributes: dict[str, str]) -> None:
        """Sends a message. Raises UnavailableError where SNS takes none now, BadInputError where it will never take this one."""
        # an attribute's value may not be empty (Amazon SNS API reference, "MessageAttributeValue")
        filled = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value}
        try:
            self._client.publish(TopicArn=self._arn, Subject=subject, Message=text, MessageAttributes=filled)
        except (ClientError, BotoCoreError) as error:
            refused = isinstance(error, ClientError) and error.response["Error"]["Code"] in _REFUSED
            raise (BadInputError if refused else UnavailableError)(f"SNS does not take an alert: {error}") from error


def connect_topic(settings: Settings) -> Topic | None:
    """The topic that the settings name, in its own region, with the credentials that boto3 finds; None where they name none."""
    if not settings.alert_topic:
        return None
    # imported here: without a topic nobody waits for it
    import boto3  # noqa: PLC0415

    # an alert that waits a minute is better than a function that runs out of time
    config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
    region = settings.alert_topic.split(":")[3]
    return Topic(boto3.client("sns", region_name=region, config=config), settings.alert_topic)
