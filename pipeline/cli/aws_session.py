"""AWS session: boto3's session with the credentials and the profile that the AWS CLI would use."""

import boto3
from botocore.exceptions import BotoCoreError

from pipeline.cli.context import CommandContext
from pipeline.errors import MisconfiguredError


def aws_session(app: CommandContext) -> boto3.Session:
    """The session for the settings' region, else for boto3's own. Raises MisconfiguredError where a profile does not exist."""
    app.require_profile()
    try:
        # boto3 does not read AWS_REGION; the profile it finds in the environment
        return boto3.Session(region_name=app.settings.region or None)
    except BotoCoreError as error:
        raise MisconfiguredError([f"AWS: {error}"]) from error
