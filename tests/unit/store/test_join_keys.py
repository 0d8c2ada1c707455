"""Join keys: which traces a key joins, by how many show it and who says so."""

from pipeline.store.join_keys import MOST_TRACES, JoinKey, KeySighting


def traces(first, count):
    """The ids of some traces."""
    return {f"{number:032x}" for number in range(first, first + count)}


def known_by(origin, first, count):
    """Some known traces in which one origin shows the key."""
    return {(id_, origin) for id_ in traces(first, count)}


def grown(*sightings):
    """A key that was seen so."""
    key = JoinKey(key="order-77")
    for sighting in sightings:
        key = key.grown(sighting)
    return key


def test_unknown_traces_crowd_each_other_out_and_no_known_one():
    """However many traces nobody knows show the key, those that are known stay joined."""
    key = grown(KeySighting(trace_ids=traces(1, 2), known_by=known_by("", 1, 2)), KeySighting(trace_ids=traces(10, MOST_TRACES)))
    assert (key.crowded, key.too_common, key.known, key.unknown) == (True, False, traces(1, 2), set())
    assert key.to_release


def test_few_unknown_traces_are_joined():
    """A service without X-Ray shows the key, too."""
    key = grown(KeySighting(trace_ids=traces(1, 3), known_by=known_by("", 1, 2)))
    assert (key.known, key.unknown, key.to_release) == (traces(1, 2), traces(3, 1), False)


def test_known_traces_of_several_log_groups_are_too_common():
    """A constant that all functions show joins none."""
    key = grown(*(KeySighting(known_by=known_by(f"/aws/lambda/{place}", 60 * place, 60)) for place in range(3)))
    assert (key.too_common, key.known) == (True, set())


def test_one_log_group_does_not_make_a_key_too_common():
    """What one log group alone shows in very many traces is not joined; what others show is, and so is a trace that both show."""
    flood = KeySighting(known_by=known_by("/aws/lambda/stranger", 100, MOST_TRACES + 2))
    own = KeySighting(known_by=known_by("/aws/lambda/orders", 1, 2) | known_by("/aws/lambda/orders", 100, 1))
    for key in (grown(flood, own), grown(own, flood)):
        assert (key.too_common, key.flooding, key.known) == (False, {"/aws/lambda/stranger"}, traces(1, 2) | traces(100, 1))


def test_a_platform_record_of_one_origin_is_not_pushed_out():
    """A function that names a request in any number of traces leaves what another one's log says of it."""
    flood = KeySighting(platform={(id_, "/aws/lambda/stranger") for id_ in traces(1, 300)})
    own = KeySighting(platform={("f" * 32, "/aws/lambda/orders")})
    assert grown(flood, own).traces_of("/aws/lambda/orders") == grown(own, flood).traces_of("/aws/lambda/orders") == {"f" * 32}
