"""TLS fault: says in words what is wrong with a server's certificate, and what to do.

Source of the numbers: OpenSSL, `X509_verify_cert_error_string(3)`: X509_V_ERR_CERT_NOT_YET_VALID (9), _CERT_HAS_EXPIRED (10),
_HOSTNAME_MISMATCH (62), _IP_ADDRESS_MISMATCH (64), and those of a chain that leads to no trusted certificate.
"""

import ssl
from collections.abc import Iterator
from typing import Final

from pipeline.model.display_controls import visible

_NAME: Final = frozenset({62, 64})
_UNTRUSTED: Final = frozenset({2, 18, 19, 20, 21})
_OWN_CA: Final = "name your CA's file in TRACEJOIN_CA, or with --ca FILE"
_WORDS: Final = {
    9: "has a certificate that is not valid yet: check this computer's clock",
    10: "has a certificate that has expired: it has to be renewed there",
    **dict.fromkeys(_UNTRUSTED, f"has a certificate of an authority that is not trusted here: {_OWN_CA}"),
    **dict.fromkeys(_NAME, "has a certificate for another name: use the name in it as endpoint"),
}
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})


def tls_fault(error: BaseException) -> str:
    """Returns what went wrong with TLS, as the rest of a sentence about the server; empty where nothing did.

    Args:
        error: what a request raised; the fault may be its cause, its context or one of its arguments.
    """
    for each in _inside(error, set()):
        if isinstance(each, ssl.SSLCertVerificationError):
            return _WORDS.get(each.verify_code) or f"has a certificate that can't be trusted: {_said(each.verify_message)}"
        if isinstance(each, ssl.SSLError) and each.reason in _NO_TLS:
            return "speaks no TLS: is it http:// instead of https://?"
    return ""


def _said(message: str) -> str:
    return visible(" ".join(message.split()))


def _inside(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    for each in (*error.args, error.__cause__, error.__context__):
        if isinstance(each, BaseException):
            yield from _inside(each, seen)
