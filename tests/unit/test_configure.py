"""Configure: what is made of settings."""

from pipeline.configure import console_links_for, redactor_for
from pipeline.logs.extract.read_lines import read_lines
from pipeline.settings import Settings

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def test_where_dashboards_is():
    """An Amazon domain has it at its endpoint; any other endpoint says nothing of it."""
    amazon = "https://search-logs.eu-west-1.es.amazonaws.com"
    assert console_links_for(Settings(endpoint=amazon)).dashboards == f"{amazon}/_dashboards"
    assert console_links_for(Settings()).dashboards == ""
    assert console_links_for(Settings(endpoint=amazon, dashboards_url="https://d")).dashboards == "https://d"
    assert console_links_for(Settings(page_url="https://traces.example")).page == "https://traces.example"


def test_x_ray_s_console_is_the_stack_s_own():
    """Its account is the first of those that are allowed."""
    links = console_links_for(Settings(region="eu-west-1", allowed_accounts=("111111111111", "222222222222")))
    assert (links.region, links.account) == ("eu-west-1", "111111111111")


def test_keys_and_patterns_are_added_and_taken_away():
    """A key of one's own in every spelling, one that is meant as a whole, a default that is none any more; a pattern beside them."""
    settings = Settings.from_environment({
        "TRACEJOIN_REDACT_KEYS": "card-number, =pin,!=token", "TRACEJOIN_REDACT_PATTERNS": r"\b4\d{15}\b;(?i)é+mail-\w+",
    })  # fmt: skip
    text = redactor_for(settings).text
    assert text("cardNumber=1 CARD_NUMBER=2 pin=3 shippin=4 userPin=5 token=6 password=7") == (
        "cardNumber=[redacted] CARD_NUMBER=[redacted] pin=[redacted] shippin=4 userPin=5 token=6 password=[redacted]"
    )
    assert text("漢 4111111111111111, 41111111111111112 ÉMAIL-x mail-y") == "漢 [redacted], 41111111111111112 [redacted] mail-y"
    assert redactor_for(settings) is redactor_for(settings)


def test_redaction_can_be_turned_off():
    """Off, nothing at all is changed."""
    off = redactor_for(Settings.from_environment({"TRACEJOIN_REDACT": "OFF"}))
    line = f'{{"password":"hunter2","m":"{JWT}"}}'
    assert off.text(line) == line
    assert off.value({"password": "x"}) == {"password": "x"}
    assert read_lines([line], (), off)[0] == [line]
