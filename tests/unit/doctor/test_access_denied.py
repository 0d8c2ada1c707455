"""Which access check rejected a request."""

import pytest

from pipeline.doctor.access_denied import explain_denial

EVE = "arn:aws:iam::123456789012:user/eve"


@pytest.mark.parametrize(("endpoint", "status", "text", "door"), [
    ("https://search-shop-abcdefghijklmnopqrstuvwxyz.eu-west-1.es.amazonaws.com", 403, f'{{"Message":"User: {EVE} is not authorized to perform: es:ESHttpPost"}}', "the domain's access policy"),
    ("https://d.es.amazonaws.com", 403, f"User: {EVE} is not authorized to perform: es:ESHttpPost because no identity-based policy allows it", "the IAM policy"),
    ("https://d.es.amazonaws.com", 403, f'{{"error":{{"type":"security_exception","reason":"no permissions for [indices:data/read/search] and User [name={EVE}, backend_roles=[]]"}}}}', "fine-grained"),
    ("https://x.eu-west-1.aoss.amazonaws.com", 403, '{"status":403,"error":{"reason":"403 Forbidden","type":"Forbidden"}}', "data access policy"),
    ("https://own.example.com", 403, '{"Message":"User: anonymous is not authorized to perform: es:ESHttpPost"}', "unsigned"),
    ("https://d.es.amazonaws.com", 403, '{"message":"The security token included in the request is expired"}', "the signature"),
    ("https://own.example.com", 401, "Unauthorized", "the password"), ("https://own.example.com", 403, "<html>", "does not say its name")])  # fmt: skip
def test_which_door_is_shut(endpoint, status, text, door):
    """The answer and the kind of endpoint tell what refused; who was refused is named where the answer says it."""
    found = explain_denial(endpoint, status, text, "eu-west-1")
    assert door in found.cause
    assert EVE not in text or EVE in found.remedy
    assert "search-shop" not in endpoint or "--domain-name shop " in found.remedy
