"""Some items of a bulk request are refused."""

import gzip
import json
import random

import pytest

from chaos.bulk_items import keep_some, split_items, with_refused

LINES = [{"create": {"_id": "a"}}, {"x": 1}, {"delete": {"_id": "b"}}, {"update": {"_id": "c"}}, {"doc": {}}]
BODY = b"".join(json.dumps(line).encode() + b"\n" for line in LINES)


@pytest.mark.parametrize("body", [BODY, gzip.compress(BODY)], ids=["plain", "gzipped"])
def test_a_body_splits_into_its_items(body):
    """An action and its document stay together; `delete` has none; nothing gets lost."""
    items = split_items(body)
    assert [operation for operation, _ in items] == ["create", "delete", "update"]
    assert b"".join(lines for _, lines in items) == BODY


def test_what_is_left_out_is_answered_with_429_in_its_place():
    """The answers keep the order of the request."""
    answer = json.dumps({"errors": False, "items": [{"delete": {"status": 200}}]}).encode()
    mixed = json.loads(with_refused(answer, split_items(BODY), [False, True, False]))
    assert [(*item,) for item in mixed["items"]] == [("create",), ("delete",), ("update",)]
    assert [next(iter(item.values()))["status"] for item in mixed["items"]] == [429, 200, 429]
    assert mixed["errors"] is True


def test_an_answer_without_items_stays():
    """OpenSearch refused the whole request."""
    assert with_refused(b'{"error":"x"}', split_items(BODY), [True, False, True]) == b'{"error":"x"}'


@pytest.mark.parametrize("seed", range(20))
def test_one_item_at_least_is_kept(seed):
    """A request without items would be refused for another reason."""
    assert any(keep_some([("create", b"")], random.Random(seed)))
