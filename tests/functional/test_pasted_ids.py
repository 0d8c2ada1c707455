"""Search, trace and why find what a person pasted, whichever id is in it."""

import pytest

from tests.support.command import rows, tracejoin
from tests.support.events import NOW, REQUEST, TRACE, end, function, lambda_event, powertools, report, service, start
from tests.support.shipping import resolver, shipped

XRAY = "1-5759e988-bd862e3fe1be46a994272793"
EVENT = f"{(NOW << 144) + 17:056d}"
PASTED = {
    "a span id": "17E84E76450D1777",
    "an event id": EVENT,
    "the event of a console's address": f"https://console.aws.amazon.com/cloudwatch/home#logsV2:log-groups/log-group/a$3FrefEventId$3D{EVENT}",
    "a request id in capitals": REQUEST.upper(),
    "a trace in quotes": f'"{XRAY}"',
    "the address of a trace": f"https://console.aws.amazon.com/cloudwatch/home?region=eu-west-1#xray:traces/{XRAY.upper()}",
    "a log line": report().strip(),
    "a line of JSON": powertools("paid", order=7),
}


@pytest.fixture
def known(store, settings):
    """The environment of a command that finds one trace, and another one beside it in the same millisecond."""
    event = lambda_event([start(), powertools("paid"), end(), report()], first=int(EVENT))
    shipped(event, store, settings)
    shipped(lambda_event(["nothing to do with it"], group="/aws/lambda/other", stream="t"), store, settings)
    resolver(store, settings, service(), function())[0].resolve([TRACE])
    store.refresh()
    return {"TRACEJOIN_ENDPOINT": store.endpoint, "TRACEJOIN_PREFIX": store.prefix}


@pytest.mark.parametrize("text", PASTED.values(), ids=PASTED)
def test_what_was_pasted_is_found(known, text):
    """The whole transaction, and nothing of the line beside it."""
    status, output, _ = tracejoin("search", "--json", "--limit", "0", text, **known)
    found = rows(output)
    assert (status, {each["traceId"] for each in found}, len(found)) == (0, {TRACE}, 6)
    status, output, _ = tracejoin("trace", "--json", text, **known)
    assert (status, len(rows(output))) == (0, 6)
    status, output, _ = tracejoin("why", "--json", text, **known)
    assert (status, [each["traceId"] for each in rows(output)]) == (0, [TRACE])
    status, output, _ = tracejoin("export", text, **known)
    assert (status, len(rows(output))) == (0, 7)


HELD = {
    **PASTED, "in brackets": f"({XRAY})", "in angle brackets": f"<{TRACE}>", "before a comma": f"{REQUEST},", "a header": f"Root={XRAY};Sampled=1",
}  # fmt: skip
NAMES = {TRACE, XRAY, REQUEST, REQUEST.upper(), EVENT, PASTED["a span id"], HELD["a header"]}


@pytest.mark.parametrize("text", HELD.values(), ids=HELD)
def test_what_was_pasted_is_kept_and_released(known, text):
    """The hold has the id's name, and not that of the text around it; the same text ends it."""
    status, output, errors = tracejoin("keep", "--json", text, **known)
    assert (status, [hold["traceId"] for hold in rows(output)]) == (0, [[TRACE]]), errors
    assert {hold["id"] for hold in rows(output)} <= NAMES
    assert tracejoin("keep", "--release", text, **known)[0] == 0
    assert tracejoin("keep", "--list", **known)[0] == 1
