"""Classes of personal data: off by default, each on by its name."""

import json

import pytest

from pipeline.configure import redactor_for
from pipeline.errors import MisconfiguredError
from pipeline.redact.mask import MASK
from pipeline.redact.redactor import DEFAULT, Redactor
from pipeline.settings import Settings

CARDS, EMAILS, ADDRESSES = Redactor(classes=["credit-cards"]), Redactor(classes=["emails"]), Redactor(classes=["ip-addresses"])
GONE = [
    (CARDS, "card 4111111111111111 ok", "card [redacted] ok"),
    (CARDS, "4111 1111 1111 1111 2026-11-20 5500-0000-0000-0004, 378282246310005", "[redacted] 2026-11-20 [redacted], [redacted]"),
    (CARDS, '{"card":4111111111111111,"m":"no 4111111111111111"}', '{"card":"[redacted]","m":"no [redacted]"}'),
    (EMAILS, "from <Ann.Lee+x@mail.example.co.uk>, to=bob%40example.com", "from <[redacted]>, to=[redacted]"),
    (EMAILS, '{"email":"ann@example.com"}', '{"email":"[redacted]"}'),
    (ADDRESSES, "from 10.0.0.1:443, 203.0.113.7 and 10.1.0.0/16", "from [redacted]:443, [redacted] and [redacted]/16"),
    (
        ADDRESSES,
        "http://192.168.0.1/x fe80::1 [2001:db8::8a2e:370:7334] ::ffff:10.0.0.1",
        "http://[redacted]/x [redacted] [[redacted]] [redacted]",
    ),
]
KEPT = [
    (CARDS, "4111111111111112 1784355932302 1784355932302000000 4111-1111 a4111111111111111 1-5759e988-bd862e3fe1be46a994272793"),
    (EMAILS, "user@host git@ @scope/name@1.2.3 a@b"),
    (ADDRESSES, "version 1.2.3.4, v1.2.3.4, Chrome/120.0.0.0, 1.2.3.4.5, 256.1.1.1, 1.2.3, 12:34:56, a::b, std::vector, 8c:9e:0f"),
]


@pytest.mark.parametrize(("redactor", "line", "left"), GONE)
def test_members_of_a_class_go_only_where_it_is_asked_for(redactor, line, left):
    """In text and in JSON, which stays JSON."""
    assert redactor.text(line) == left
    assert redactor.text(left) == left
    assert DEFAULT.text(line) == line


@pytest.mark.parametrize(("redactor", "line"), KEPT)
def test_what_only_looks_like_a_member_stays(redactor, line):
    """Numbers that fail the check, versions, times, names in code."""
    assert redactor.text(line) == line


def test_segments_lose_them_too():
    """At any depth, numbers as well."""
    content = {"a": [{"card": 4111111111111111, "n": 17}], "m": "ann@example.com", "ip": "10.0.0.1"}
    left = Redactor(classes=["credit-cards", "emails", "ip-addresses"]).value(content)
    assert left == {"a": [{"card": MASK, "n": 17}], "m": MASK, "ip": MASK}
    assert json.dumps(DEFAULT.value(content)) == json.dumps(content)


def test_the_setting_names_them():
    """A name that is no class is a fault at start."""
    settings = Settings.from_environment({"TRACEJOIN_REDACT_CLASSES": "emails, ip-addresses"})
    assert redactor_for(settings).text("a@b.de 10.0.0.1 4111111111111111") == "[redacted] [redacted] 4111111111111111"
    assert Settings().redact_classes == ()
    with pytest.raises(MisconfiguredError, match="TRACEJOIN_REDACT_CLASSES='emails,names': 'names' is no class of personal data"):
        Settings.from_environment({"TRACEJOIN_REDACT_CLASSES": "emails,names"})
    with pytest.raises(ValueError, match="'names' is no class"):
        Redactor(classes=["names"])
