"""The AWS CLI's files, without botocore."""

import botocore.session
import pytest

from pipeline.cli.aws_profiles import profile_region, require_profile
from pipeline.errors import MisconfiguredError

CONFIG = """
[default]
region = eu-west-1
[profile prod]
region = eu-central-1
s3 =
    max_concurrent_requests = 20
[profile "with space"]
region = us-east-2
[profile per%cent]
region = eu-north-1
[sso-session corp]
sso_region = eu-west-3
"""


@pytest.fixture
def files(tmp_path):
    """The environment that names a config file and a credentials file."""
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "credentials").write_text("[ci]\naws_access_key_id = AKIDCI\naws_secret_access_key = s\n")
    return {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}


def test_it_reads_what_botocore_reads(files, monkeypatch):
    """The same profiles, each with the same region."""
    for name, value in files.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    profiles = botocore.session.Session().full_config["profiles"]
    assert set(profiles) == {"default", "prod", "with space", "per%cent", "ci"}
    for name, content in profiles.items():
        require_profile(files, name)
        assert profile_region(files, name) == content.get("region", "")
    assert profile_region(files, "") == "eu-west-1"


def test_a_profile_that_there_is_not(files):
    """One line with both files, and what is like it, else all that there are."""
    for name, expected in (
        ("prd", "did you mean prod"),
        ("zzz", "there are default, prod, with space, per%cent, ci"),
        ("corp", "there are default"),
    ):
        with pytest.raises(MisconfiguredError) as caught:
            require_profile(files, name)
        assert expected in str(caught.value)
        assert all(path in str(caught.value) for path in files.values())


def test_no_files_and_broken_ones(tmp_path):
    """No profile, and no traceback."""
    (tmp_path / "broken").write_bytes(b"\xff[\nno ini")
    for name in ("broken", "none", "."):
        files = {"AWS_CONFIG_FILE": str(tmp_path / name), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / name)}
        assert profile_region(files, "") == ""
        with pytest.raises(MisconfiguredError, match="there is none: `aws configure` makes one"):
            require_profile(files, "prod")
