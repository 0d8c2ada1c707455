"""JSON values, such as segments: secrets go from their objects as from their texts."""

import json

from pipeline.redact.mask import MASK
from pipeline.redact.redactor import DEFAULT


def test_pairs_headers_and_texts_at_any_depth():
    """The name of a secret in one entry and its value in another, in any order and case; a header as a list; texts in any language."""
    content = {
        "env": [{"Name": "DB_PASSWORD", "Type": "String", "Value": "hunter2"}, {"Value": "hunter2", "name": "/a/password"}, {"Name": "n", "Value": "kept"}],
        "parameter": {"Name": "x", "Type": "SecureString", "Value": "hunter2"},
        "headers": [["Authorization", "hunter2"], ["Accept", "kept"]],
        "attributes": [{"key": "http.request.header.cookie", "value": {"stringValue": "hunter2"}}],
        "exceptions": [{"message": "refused {'password': b'hunter2'} kept"}, {"message": "[Errno] Login{password=hunter2, user=kept}"}],
        "password": 12, "secret": None, "token": False, "cookies": [],
    }  # fmt: skip
    before = json.dumps(content)
    left = DEFAULT.value(content)
    assert "hunter2" not in json.dumps(left)
    assert json.dumps(left).count("kept") == before.count("kept")
    assert (left["password"], left["secret"], left["token"], left["cookies"]) == (MASK, None, False, [])
    assert json.dumps(content) == before


def test_the_version_id_of_a_rotation_stays():
    """Rotation calls it a token; beside a secret's id and a step it is none, and elsewhere it may be one."""
    rotation = {"SecretId": "db", "Step": "createSecret", "Token": "8c9e0f1a-2b3c-4d5e-8f60-718293a4b5c6"}
    assert DEFAULT.value(rotation) == rotation
    assert DEFAULT.value({"Token": rotation["Token"]}) == {"Token": MASK}
    assert DEFAULT.value(rotation | {"Token": "hunter2"})["Token"] == MASK
