"""Who may reach the page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.web.access import Access, from_own_page

OWN = Access(token="t" * 32, port=8000)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000"])
def test_this_computer_is_served(host):
    """The address that is printed, and the usual name of this computer."""
    assert OWN.serves(host)


@pytest.mark.parametrize("host", ["", "127.0.0.1", "127.0.0.1:8001", "evil.example:8000", "127.0.0.1:8000.evil.example", "127.0.0.1.evil.example:8000",
                                  "user@127.0.0.1:8000", "[::1]:8000", "127.1:8000", "2130706433:8000", "127.0.0.1:8000/", "127.0.0.1:8000#x", "127.0.0.1:99999",
                                  "127.0.0.1:x", " 127.0.0.1:8000", "192.168.0.7:8000"])  # fmt: skip
def test_no_other_name_is_served(host):
    """A name that resolves to this computer, another port, and what is no host."""
    assert not OWN.serves(host)


def test_others_ask_by_the_names_they_are_given():
    """An address that stands for all serves every address and no name; a proxy's name is served with any port."""
    everywhere = Access(token="t" * 32, host="0.0.0.0", port=80, names=("Logs.example",))
    assert all(map(everywhere.serves, ["192.168.0.7", "192.168.0.7:80", "[fe80::1]:80", "logs.example", "logs.example:443", "localhost"]))
    assert not any(map(everywhere.serves, ["evil.example", "192.168.0.7:81", "xlogs.example"]))


def test_secrets_do_not_follow_from_each_other():
    """The cookie and the forms hold other values than the token, and none is taken for another."""
    assert len({OWN.token, OWN.session, OWN.form_token}) == 3
    assert OWN.is_token(OWN.token)
    assert OWN.is_session({OWN.cookie: OWN.session})
    assert OWN.is_form(OWN.form_token)
    assert not (OWN.is_token(OWN.session) or OWN.is_session({OWN.cookie: OWN.token}) or OWN.is_form(OWN.session) or OWN.is_session({}))


@given(st.text())
def test_any_text_may_be_offered(text):
    """Whatever a request holds is compared, and nothing is raised."""
    assert not (OWN.is_token(text) or OWN.is_form(text) or OWN.is_session({OWN.cookie: text}))
    OWN.serves(text)
    from_own_page("POST", {"host": text, "origin": text})


HOST = {"host": "127.0.0.1:8000"}


@pytest.mark.parametrize(
    ("method", "headers", "own"),
    [("GET", {}, True), ("GET", {"sec-fetch-site": "none"}, True), ("GET", {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8000"}, True),
     ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, True),
     ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, False),
     ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, False),
     ("GET", {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, False), ("GET", {"origin": "http://evil.example"}, False),
     ("POST", {"origin": "http://127.0.0.1:8000"}, True), ("POST", {"origin": "https://127.0.0.1:8000"}, True), ("POST", {}, False),
     ("POST", {"sec-fetch-site": "same-origin"}, True), ("POST", {"origin": "null"}, False), ("POST", {"origin": "http://127.0.0.1:8001"}, False),
     ("POST", {"origin": "http://127.0.0.1:8000.evil.example"}, False), ("POST", {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "cross-site"}, False),
     ("DELETE", {"origin": "file://127.0.0.1:8000"}, False)],
)  # fmt: skip
def test_where_a_request_comes_from(method, headers, own):
    """A link may be followed from anywhere; anything else that another site starts is refused."""
    assert from_own_page(method, HOST | headers) is own


def test_the_first_address_can_be_opened():
    """An address that stands for all is none that a browser can open, and IPv6 stands in brackets."""
    assert Access(token="t", host="::1", port=1).first_address == "http://[::1]:1/?token=t"
    assert Access(token="t", host="0.0.0.0", port=1).first_address == "http://localhost:1/?token=t"
