"""What a secret must hold to be a login."""

import json

import pytest

from pipeline.errors import MisconfiguredError
from pipeline.store import secret
from tests.support.secrets import PLANTED, SECRET


@pytest.mark.parametrize("value", [PLANTED, f'"{PLANTED}"', f'["{PLANTED}"]', "", "null", json.dumps({"username": "u", "pass": PLANTED}),
                                   json.dumps({"username": PLANTED, "password": ""}), json.dumps({"username": "", "password": PLANTED}),
                                   json.dumps({"username": [PLANTED], "password": 1}), f'{{"username":"u","password":"{PLANTED}"',
                                   json.dumps({"username": f"u:{PLANTED}", "password": PLANTED}), None, f"\udce4{PLANTED}"])  # fmt: skip
def test_what_is_no_login_is_refused_and_never_quoted(monkeypatch, value):
    """The error names the secret and says what it must hold."""
    monkeypatch.setattr(secret, "read_secret", lambda arn, holds: value)
    with pytest.raises(MisconfiguredError) as caught:
        secret.read_login(SECRET)
    assert SECRET in str(caught.value)
    assert PLANTED not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
