"""SNS: publishes messages to a topic."""

from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.alert.payload import AlertPayload
from pipeline.alert.protocol_bodies import bodies_by_protocol
from pipeline.errors import BadInputError, UnavailableError

# "a request parameter does not comply with the associated constraints" (Amazon SNS API reference, "Publish")
_REFUSED = frozenset({"InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid"})


class Topic:
    """An SNS topic.

    Args:
        client: boto3's `sns` client.
        arn: the topic's ARN.
    """

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, subject: str, text: str, attributes: dict[str, str]) -> None:
        """Sends a message, in the form of each protocol where the attribute `payload` has the alert for programs.

        Raises UnavailableError if SNS takes none now, BadInputError if it refuses this one for good.
        """
        # an attribute's value may not be empty (Amazon SNS API reference, "MessageAttributeValue")
        filled = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value}
        message = {"Message": text}
        if "payload" in filled:
            payload = msgspec.json.decode(attributes["payload"], type=AlertPayload)
            message = {"Message": bodies_by_protocol(text, payload), "MessageStructure": "json"}
        try:
            self._client.publish(TopicArn=self._arn, Subject=subject, MessageAttributes=filled, **message)
        except (ClientError, BotoCoreError) as error:
            refused = isinstance(error, ClientError) and error.response["Error"]["Code"] in _REFUSED
            raise (BadInputError if refused else UnavailableError)(f"SNS does not take an alert: {error}") from error
