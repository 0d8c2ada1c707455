"""The world is the same for the same seed."""

import base64
import gzip
import json

from chaos.disasters import ALL, disasters_of
from chaos.world import make_world

NOW = 1_795_600_000_000


def batches(world):
    """Every subscription document."""
    for event in world.events:
        packed = [event["awslogs"]["data"]] if "awslogs" in event else [record["kinesis"]["data"] for record in event["Records"]]
        yield from (json.loads(gzip.decompress(base64.b64decode(data))) for data in packed)


def test_a_seed_makes_the_same_world_again():
    """So a difference can be looked for again by its seed."""
    assert list(batches(make_world(3, 600, NOW))) == list(batches(make_world(3, 600, NOW)))
    assert list(batches(make_world(3, 600, NOW))) != list(batches(make_world(4, 600, NOW)))


def test_a_world_has_what_it_says():
    """Each log event counts once; spans come as their log group's; X-Ray has the segments of many traces."""
    world = make_world(3, 3000, NOW)
    found = list(batches(world))
    logs = {
        (batch["logGroup"], batch["logStream"], event["id"])
        for batch in found
        for event in batch["logEvents"]
        if batch["logGroup"] != "aws/spans"
    }
    assert len(logs) == world.log_events > 2700
    assert any(batch["logGroup"] == "aws/spans" for batch in found)
    assert {"awslogs" in event for event in world.events} == {True, False}
    assert len(world.segments) > 50
    spans = [json.loads(event["message"]) for batch in found if batch["logGroup"] == "aws/spans" for event in batch["logEvents"]]
    assert all("traceId" in span for span in spans)
    assert any(span["scope"]["name"] == "opentelemetry" for span in spans)
    assert not any("spanId" in json.loads(document) for documents in world.segments.values() for document in documents)


def test_every_disaster_comes_as_often_as_wanted():
    """In the order of their beginnings, before everything has arrived."""
    disasters = disasters_of(1, times=3)
    assert sorted(disaster.kind for disaster in disasters) == sorted([*ALL] * 3)
    assert [disaster.at for disaster in disasters] == sorted(disaster.at for disaster in disasters)
    assert all(0 < disaster.at < 1 for disaster in disasters)
