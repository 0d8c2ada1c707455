"""The login for OpenSearch: where it comes from, what it survives, and that it shows nowhere, whatever fails."""

import logging
import time
import traceback

import pytest

from pipeline.configure import store_for
from pipeline.errors import MisconfiguredError, TracejoinError
from pipeline.local.lambda_runtime import Context
from pipeline.settings import Settings
from pipeline.store.connect import connect
from tests.support.command import tracejoin
from tests.support.events import lambda_event, powertools, report, start
from tests.support.secrets import PARAMETER, PLANTED, SECRET, Guarded, token, told
from tests.support.stores import remove

TOKEN = token("admin", PLANTED)
LOGIN = {"TRACEJOIN_USERNAME": "admin", "TRACEJOIN_PASSWORD": PLANTED}


@pytest.fixture
def guarded():
    """An OpenSearch that lets the planted login in."""
    with Guarded("admin", PLANTED) as server:
        yield server


@pytest.mark.parametrize("arn", [SECRET, PARAMETER])
def test_a_rotated_secret_is_read_again_and_the_request_succeeds(vault, guarded, arn):
    """Nothing is read before the first request; the rotation is seen at the first 401 and costs one more request."""
    store = store_for(Settings(endpoint=guarded.endpoint, opensearch_secret=arn))
    assert vault.reads == 0
    store.search({})
    store.search({})
    assert (vault.reads, len(guarded.asked)) == (1, 2)
    guarded.login = ("admin", "another-one")
    vault.value = told(password="another-one")
    store.search({})
    store.search({})
    assert (vault.reads, len(guarded.asked)) == (2, 5)
    store.close()


def test_setup_and_ship_log_in_by_the_secret_through_a_rotation(vault, settings, monkeypatch, caplog, capfd):
    """The functions as Lambda calls them: nothing that they log, print or answer has a password, before and after."""
    from shipper_function import setup, ship

    caplog.set_level(logging.DEBUG, logger="")
    with Guarded("admin", PLANTED, target=settings.endpoint) as opensearch:
        for name, value in {"TRACEJOIN_ENDPOINT": opensearch.endpoint, "TRACEJOIN_PREFIX": settings.prefix, "TRACEJOIN_OPENSEARCH_SECRET": SECRET,
                            "TRACEJOIN_QUEUE_URL": "", "POWERTOOLS_METRICS_NAMESPACE": "tracejoin", "AWS_LAMBDA_FUNCTION_NAME": "f", "LOCAL_FUNCTION_ARN": "arn", "AWS_LAMBDA_LOG_STREAM_NAME": "s"}.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        for cached in (ship.settings, ship.store):
            cached.cache_clear()
        assert setup.set_up(lambda: 0)
        event = lambda_event([start(), powertools("paid"), report()])
        answers = [ship.handler(event, Context("52fdfc07-2182-454f-963f-5f0f9a621d72", time.time() + 30))]
        opensearch.login, vault.value = ("admin", "another-secret"), told(password="another-secret")
        answers.append(ship.handler(event, Context("52fdfc07-2182-454f-963f-5f0f9a621d72", time.time() + 30)))
        assert [(answer["indexed"], answer["duplicate"]) for answer in answers] == [(3, 0), (0, 3)]
        # setup's, ship's first, and the one after the rotation
        assert vault.reads == 3
        remove(ship.store())
    for cached in (ship.settings, ship.store):
        cached.cache_clear()
    shown = f"{answers} {capfd.readouterr()} {[vars(record) for record in caplog.records]}"
    assert not [secret for secret in (PLANTED, TOKEN, "another-secret", token("admin", "another-secret")) if secret in shown]


def test_a_login_that_nobody_knows_ends_as_one_line(vault, guarded):
    """One reload, one retry, and then the error says what to set; the next requests make no storm."""
    guarded.login = None
    store = store_for(Settings(endpoint=guarded.endpoint, opensearch_secret=SECRET))
    for _ in range(5):
        with pytest.raises(MisconfiguredError, match="refuses these credentials") as caught:
            store.search({})
    assert (vault.reads, len(guarded.asked), caught.value.status) == (2, 6, 401)
    store.close()


@pytest.mark.parametrize("given", [{"opensearch_secret": SECRET}, {"username": "admin", "password": PLANTED}], ids=["secret", "password"])
@pytest.mark.parametrize(("status", "content"), [
    (401, "Unauthorized"), (403, "'{token}' not a valid key=value pair (missing equal-sign) in Authorization header: '{token}'."),
    (403, f'{{"Message":"{PLANTED}"}}'), (400, '{"error":{"type":"x","reason":"Authorization={token}"}}'), (404, "{token}"), (500, "{token}"), (302, "{token}"),
    (200, "{token} is no JSON")])  # fmt: skip
def test_what_an_answer_quotes_of_the_login_is_taken_out(vault, guarded, caplog, given, status, content):
    """Amazon's endpoints quote the header where they want a signature: no error, no cause of it and no log has it."""
    caplog.set_level(logging.INFO, logger="")
    guarded.login, guarded.refusal = None, (status, content)
    store = store_for(Settings(endpoint=guarded.endpoint, **given))
    with pytest.raises(Exception) as caught:
        store.search({})
    error = caught.value
    shown = (
        "".join(traceback.format_exception(error))
        + repr(error)
        + str(getattr(error, "answer", ""))
        + str([vars(record) for record in caplog.records])
    )
    assert guarded.asked[0] == f"Basic {TOKEN}"
    assert PLANTED not in shown
    assert TOKEN not in shown
    store.close()


@pytest.mark.parametrize(
    "endpoint", [f"http://admin:{PLANTED}@127.0.0.1:9200", f"https://{PLANTED}@host", f"https://admin:{PLANTED}/@host", "nowhere"]
)
def test_the_room_itself_takes_no_endpoint_with_a_login(endpoint):
    """Settings refuse it first; whoever makes a Store without them gets the same."""
    with pytest.raises(MisconfiguredError, match="the endpoint must") as caught:
        connect(endpoint, prefix="t")
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("given", [{"secret": SECRET}, {"username": "admin", "password": PLANTED}])
def test_no_password_goes_by_plain_http_to_another_computer(given):
    """Before any request is sent, and before the secret is read."""
    with pytest.raises(MisconfiguredError, match="use https") as caught:
        connect("http://opensearch.example.com:9200", prefix="t", **given)
    assert PLANTED not in str(caught.value)
    connect("https://opensearch.example.com:9200", prefix="t", **given).close()
    connect("http://opensearch.example.com:9200", prefix="t").close()


AWAY = {"TRACEJOIN_ENDPOINT": "http://127.0.0.1:1"}
IN_URL = f"http://admin:{PLANTED}@127.0.0.1:1"


@pytest.mark.parametrize(("arguments", "environment", "said"), [
    (["search", "--text", "x"], {**AWAY, **LOGIN}, "does not answer"),
    (["setup", "--json"], {"TRACEJOIN_ENDPOINT": IN_URL}, "TRACEJOIN_ENDPOINT must hold no user name and no password"),
    (["doctor", "--endpoint", IN_URL], {}, "must hold no user name and no password"),
    (["--endpoint", IN_URL, "faults"], {}, "must hold no user name and no password"),
    (["search"], {"TRACEJOIN_DASHBOARDS_URL": f"https://u:{PLANTED}@d", **AWAY}, "TRACEJOIN_DASHBOARDS_URL"),
    (["search"], {"TRACEJOIN_QUEUE_URL": f"https://u:{PLANTED}/@d", **AWAY}, "TRACEJOIN_QUEUE_URL"),
    (["search"], {"TRACEJOIN_OPENSEARCH_SECRET": told(password=PLANTED), **AWAY}, "must be the whole ARN"),
    (["search"], {"TRACEJOIN_ENDPOINT": "http://search.example.com", **LOGIN}, "use https"),
    (["search"], {**AWAY, **LOGIN, "TRACEJOIN_USERNAME": ""}, "go together"),
    (["search"], {**AWAY, **LOGIN, "TRACEJOIN_OPENSEARCH_SECRET": SECRET}, "set one of the two"),
    (["doctor", "--json"], {**AWAY, **LOGIN, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null"}, "does not answer"),
])  # fmt: skip
def test_no_command_prints_a_password(arguments, environment, said):
    """Wherever it was put, and whatever is wrong with it: one line says what to do."""
    status, output, errors = tracejoin(*arguments, **environment)
    assert status != 0
    assert said in output + errors
    assert PLANTED not in output + errors
    assert TOKEN not in output + errors


def test_settings_show_no_login():
    """Their `repr` stands in tracebacks of test runners and debuggers."""
    assert PLANTED not in repr(Settings(endpoint=IN_URL, username=PLANTED, password=PLANTED, dashboards_url=IN_URL, queue_url=IN_URL))
    with pytest.raises(TracejoinError) as caught:
        Settings.from_environment({"TRACEJOIN_ENDPOINT": IN_URL, "TRACEJOIN_PREFIX": "No"})
    assert PLANTED not in "".join(traceback.format_exception(caught.value))
