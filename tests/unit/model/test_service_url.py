"""URLs of services: what is one, and where a password may go."""

import pytest

from pipeline.model.service_url import endpoint_url, keeps_a_password, service_url

SECRET = "pa55-of-admin"


@pytest.mark.parametrize(
    "text",
    [
        f"http://admin:{SECRET}@host:9200", f"https://{SECRET}@host", f"https://admin:{SECRET}/x@host", f"https://admin:{SECRET}?@host",
        f"https://admin:{SECRET}#@host", f"https://admin:{SECRET}", f"admin:{SECRET}@host", f"//admin:{SECRET}@host", f"https://admin%3A{SECRET}%40host",
        f"ftp://{SECRET}", f"https://[{SECRET}]", f"https://host:{SECRET}", SECRET, f"https:\\\\admin:{SECRET}\\@host", f"https://ad\nmin:{SECRET}@h", "https://",
    ],
)  # fmt: skip
def test_what_is_no_url_or_holds_a_login_is_refused_without_a_word_of_it(text):
    """However it is spelled, and wherever the parser of URLs draws the line between its parts."""
    with pytest.raises(ValueError) as caught:
        service_url(text)
    shown = f"{caught.value!r} {caught.value.__cause__!r}"
    assert SECRET not in shown
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("text", ["https://h/?password=x", "https://h/#x", "https://h?"])
def test_paths_can_be_added_to_an_endpoint(text):
    """A query or a fragment would swallow them; elsewhere it may be meant."""
    with pytest.raises(ValueError, match="must end with the host"):
        endpoint_url(text)
    assert service_url(text)


@pytest.mark.parametrize(("text", "url"), [("https://h/", "https://h"), ("HTTP://[::1]:9200", "HTTP://[::1]:9200"), ("http://ö.example/p//", "http://ö.example/p"),
                                           ("http://127.0.0.1:9200", "http://127.0.0.1:9200"), ("http://open_search:9200", "http://open_search:9200")])  # fmt: skip
def test_what_is_a_url(text, url):
    """It stays as it is, but for slashes at its end."""
    assert endpoint_url(text) == url


@pytest.mark.parametrize(("url", "kept"), [
    ("https://anywhere", True), ("HTTPS://anywhere", True), ("http://localhost:9200", True), ("http://LOCALHOST", True), ("http://127.0.0.1", True), ("http://127.9.8.7:1", True),
    ("http://[::1]:9200", True), ("http://opensearch:9200", False), ("http://localhost.example.com", False), ("http://127.0.0.1.example.com", False),
    ("http://10.0.0.1", False), ("http://[::2]", False), ("http://0.0.0.0", False), ("http://1270.0.0.1", False), ("http://mylocalhost", False)])  # fmt: skip
def test_a_password_goes_by_https_or_stays_on_this_computer(url, kept):
    """By the host itself, not by what its name looks like."""
    assert keeps_a_password(url) == kept
