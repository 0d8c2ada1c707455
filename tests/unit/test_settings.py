"""Settings: what the environment says, checked at start."""

import pytest

from pipeline.errors import MisconfiguredError
from pipeline.settings import Settings
from tests.support.secrets import SECRET


def test_the_rule_file_is_checked_at_start(tmp_path):
    """Its mistakes stand beside those of the environment; a file that is not there is one."""
    path = tmp_path / "rules.yaml"
    path.write_text("timeout: {severity: loud}\n")
    with pytest.raises(MisconfiguredError) as caught:
        Settings.from_environment({"TRACEJOIN_RULES": str(path), "TRACEJOIN_WORKERS": "none"})
    assert len(caught.value.problems) == 2
    assert caught.value.problems[0].startswith("rules.yaml:1: severity")
    with pytest.raises(MisconfiguredError, match="can't be read"):
        Settings.from_environment({"TRACEJOIN_RULES": str(tmp_path / "none.yaml")})


def test_a_function_checks_certificates(tmp_path):
    """No setting can turn it off on Lambda; an own authority can be named there, too, in a file with certificates."""
    assert Settings.from_environment({"TRACEJOIN_INSECURE": "on"}).insecure
    with pytest.raises(MisconfiguredError, match="TRACEJOIN_INSECURE is for the command line"):
        Settings.from_environment({"TRACEJOIN_INSECURE": "on", "AWS_LAMBDA_FUNCTION_NAME": "ship"})
    (tmp_path / "none.pem").write_text("no certificate\n")
    for name, told in (("none.pem", "must be a file with certificates in PEM"), ("gone.pem", "No such file"), (".", "Is a directory")):
        with pytest.raises(MisconfiguredError, match=f"TRACEJOIN_CA=.*: .*{told}"):
            Settings.from_environment({"TRACEJOIN_CA": str(tmp_path / name)})


def test_every_fault_of_these_settings_is_named():
    """What is no key, no default, no regular expression, matches nothing, or needs to look back: each with its number."""
    faults = {
        "TRACEJOIN_REDACT": ("maybe", "must be on or off"),
        "TRACEJOIN_REDACT_KEYS": ("ok,!card", "'!card' takes away what is no default"),
        "TRACEJOIN_ENRICH_LINES": ("some", "must be one of all, notable"),
        "TRACEJOIN_ALLOWED_ACCOUNTS": ("111111111111,22222222222", "'22222222222' is no account id: give 12 digits each"),
        "TRACEJOIN_TRACE_READER_ROLE_ARN": (
            "arn:aws:iam::111111111111:role/r",
            "must be the ARN of an IAM role with {account} for the account",
        ),
        "TRACEJOIN_TRACE_READER_EXTERNAL_ID": ("a b", "must be 2 to 1,224 of a-z"),
    }
    for pattern in ("(", "a*", r"(a)\1", "a(?=b)"):
        faults["TRACEJOIN_REDACT_PATTERNS"] = (f"fine;{pattern}", f"pattern 2 ({pattern}): ")
        with pytest.raises(MisconfiguredError) as raised:
            Settings.from_environment({name: value for name, (value, _) in faults.items()})
        assert all(any(name in problem and told in problem for problem in raised.value.problems) for name, (_, told) in faults.items())
    with pytest.raises(MisconfiguredError, match="no name of a key"):
        Settings.from_environment({"TRACEJOIN_REDACT_KEYS": "a|b"})


@pytest.mark.parametrize(("variables", "told"), [
    ({"TRACEJOIN_ENDPOINT": "https://u:hunter2-at-home@h"}, "TRACEJOIN_ENDPOINT must hold no user name and no password"),
    ({"TRACEJOIN_ENDPOINT": "https://u:hunter2-at-home"}, "TRACEJOIN_ENDPOINT must be a URL"),
    ({"TRACEJOIN_PAGE_URL": "https://u:hunter2-at-home@h"}, "TRACEJOIN_PAGE_URL must hold no user name and no password"),
    ({"TRACEJOIN_NOTIFY_SECRET": "https://hooks.example/hunter2-at-home"}, "TRACEJOIN_NOTIFY_SECRET must be the whole ARN"),
    ({"TRACEJOIN_NOTIFY_PRIVATE": "yes"}, "must be on or off"),
    ({"TRACEJOIN_DASHBOARDS_URL": "https://u:hunter2-at-home@h"}, "TRACEJOIN_DASHBOARDS_URL must hold no user name and no password"),
    ({"TRACEJOIN_OPENSEARCH_SECRET": "hunter2-at-home"}, "TRACEJOIN_OPENSEARCH_SECRET must be the whole ARN"),
    ({"TRACEJOIN_USERNAME": "hunter2-at-home"}, "go together"), ({"TRACEJOIN_PASSWORD": "hunter2-at-home"}, "go together"),
    ({"TRACEJOIN_USERNAME": "u", "TRACEJOIN_PASSWORD": "hunter2-at-home", "TRACEJOIN_ENDPOINT": "http://search:9200"}, "plain http"),
    ({"TRACEJOIN_OPENSEARCH_SECRET": SECRET, "TRACEJOIN_ENDPOINT": "http://search:9200"}, "plain http"),
    ({"TRACEJOIN_USERNAME": "u", "TRACEJOIN_PASSWORD": "hunter2-at-home", "TRACEJOIN_OPENSEARCH_SECRET": SECRET}, "set one of the two"),
    ({"TRACEJOIN_FUNCTION_ROLES": "arn:aws:iam::123456789012:user/kim"}, "must be ARNs of IAM roles")])  # fmt: skip
def test_what_is_wrong_with_a_login_is_told_without_it(variables, told):
    """Each with what to do instead; whatever else is wrong is told beside it."""
    with pytest.raises(MisconfiguredError) as caught:
        Settings.from_environment(variables | {"TRACEJOIN_WORKERS": "none"})
    assert [problem for problem in caught.value.problems if told in problem]
    assert len(caught.value.problems) == 2
    assert "hunter2" not in str(caught.value)


def test_a_login_is_one_of_two():
    """By a secret or by name; neither is none. Plain http is for this computer, and for requests without a login."""
    assert Settings.from_environment({"TRACEJOIN_OPENSEARCH_SECRET": SECRET}).has_login
    assert Settings.from_environment(
        {"TRACEJOIN_USERNAME": "u", "TRACEJOIN_PASSWORD": "p", "TRACEJOIN_ENDPOINT": "https://search"}
    ).has_login
    assert not Settings.from_environment({"TRACEJOIN_ENDPOINT": "http://search:9200"}).has_login
    roles = "arn:aws:iam::123456789012:role/a, arn:aws:iam::123456789012:role/path/b"
    assert len(Settings.from_environment({"TRACEJOIN_FUNCTION_ROLES": roles}).function_roles) == 2


@pytest.mark.parametrize("days", ["10001", "999999999999", "0", "forever"])
def test_a_retention_that_opensearch_can_t_count_back_is_refused(days):
    """Else each sweep would ask for times before 1970, be refused, and delete nothing; the longest is far beyond any use."""
    with pytest.raises(MisconfiguredError, match=r"TRACEJOIN_RETENTION_DAYS='.*must be"):
        Settings.from_environment({"TRACEJOIN_RETENTION_DAYS": days})
    assert Settings.from_environment({"TRACEJOIN_RETENTION_DAYS": "10000"}).retention_days == 10_000


def test_marks_of_growth():
    """In any order and twice; each is a whole number above 0."""
    assert Settings.from_environment({"TRACEJOIN_ALERT_GROWTH": "100, 10,10"}).alert_growth == (10, 100)
    with pytest.raises(MisconfiguredError) as error:
        Settings.from_environment({"TRACEJOIN_ALERT_GROWTH": "10,many", "TRACEJOIN_ALERT_PER": "day", "TRACEJOIN_ISSUE_QUIET_DAYS": "0"})
    assert error.value.problems == (
        "TRACEJOIN_ALERT_PER='day': must be one of issue, trace",
        "TRACEJOIN_ALERT_GROWTH='10,many': must be a whole number above 0",
        "TRACEJOIN_ISSUE_QUIET_DAYS='0': must be a whole number above 0",
    )
