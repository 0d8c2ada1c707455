"""AWS session: boto3's session with the credentials and the profile that the AWS CLI would use."""

import boto3
from botocore.exceptions import BotoCoreError

from pipeline.errors import MisconfiguredError


def aws_session(region: str) -> boto3.Session:
    """The session for ``region``; for boto3's own where it is empty. Raises MisconfiguredError where a profile does not exist."""
    try:
        # boto3 does not read AWS_REGION
        return boto3.Session(region_name=region or None)
    except BotoCoreError as error:
        raise MisconfiguredError([f"AWS: {error}"]) from error
