"""Secret: the login for OpenSearch that a secret of AWS Secrets Manager or SSM Parameter Store holds."""

import msgspec

from pipeline.errors import MisconfiguredError
from pipeline.read_secret import read_secret
from pipeline.store.login import Login


def read_login(arn: str) -> Login:
    """Returns the login in the secret ``arn``, with the credentials and in the account that botocore finds.

    Args:
        arn: of a secret of Secrets Manager with a SecretString, or of a SecureString parameter of SSM. Its value is a JSON object with the
            strings `username` and `password`; other keys are left alone.

    Raises UnavailableError where the service does not answer or throttles, MisconfiguredError where it refuses or the value is none of
    these. No error holds any of the value.
    """
    return _login(read_secret(arn, "the login for OpenSearch"), arn)


def _login(value: object, arn: str) -> Login:
    if not isinstance(value, str):
        raise MisconfiguredError([f"{arn} holds no text: it must hold JSON with `username` and `password`"])
    try:
        login = msgspec.json.decode(value.encode(), type=Login)
    except (msgspec.MsgspecError, UnicodeError):
        # the decoder's own words are left out: the value is secret
        login = None
    if login is None or not login.username or not login.password:
        raise MisconfiguredError(
            [f'{arn} must hold JSON such as {{"username": "…", "password": "…"}}, both of them texts that are not empty']
        )
    if ":" in login.username:
        raise MisconfiguredError([f"the user name in {arn} holds a colon, which HTTP basic authentication does not allow"])
    return login
