"""A line that names a request of its log group ends by that request, whatever of it was written when the line came; not by its position."""

import itertools
import json
from contextlib import contextmanager

import pytest

from chaos.comparison import comparable, paths_that_differ
from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from pipeline.search.query import SearchQuery
from pipeline.search.search import find
from tests.support.events import NOW, OTHER, OTHER_REQUEST, REQUEST, TRACE, Traces, end, lambda_event, report, start
from tests.support.shipping import shipped
from tests.support.world import new_salt, platform

FOREIGN = "701966a0-2182-454f-b8c0-c8fd8712b8bc"
STALE = OTHER[:-1] + "8"
# what all of these ids share, so that each order can have its own
OWN = ("bd862e3f", "2182-454f")
LINES = {
    "Node.js": f"2026-11-24T10:00:00.000Z\t{REQUEST}\tINFO\tmine",
    "Python": f"[INFO]\t2026-11-24T10:00:00.000Z\t{REQUEST}\tmine",
    "Log4j": f"2026-11-24 10:00:00 {REQUEST} INFO  Orders - mine",
    "Node.js of another request": f"2026-11-24T10:00:00.000Z\t{OTHER_REQUEST}\tERROR\tthe other's failed",
    "Python of another request": f"[ERROR]\t2026-11-24T10:00:00.000Z\t{OTHER_REQUEST}\tthe other's failed",
    "Log4j of another request": f"2026-11-24 10:00:00 {OTHER_REQUEST} ERROR Orders - the other's failed",
    "Log4j of another service": f"2026-11-24 10:00:00 {FOREIGN} ERROR Orders - mine failed",
    "Node.js of another service": f"2026-11-24T10:00:00.000Z\t{FOREIGN}\tERROR\tmine failed",
    "JSON": json.dumps({"requestId": REQUEST, "message": "mine", "order": 1}),
    "JSON of another request": json.dumps({"requestId": OTHER_REQUEST, "message": "the other's"}),
    "JSON error of another request": json.dumps({"requestId": OTHER_REQUEST, "level": "ERROR", "message": "the other's failed"}),
    "JSON of another service": json.dumps({"requestId": FOREIGN, "message": "dynamodb answered"}),
    "JSON error of another service": json.dumps({"requestId": FOREIGN, "level": "ERROR", "message": "dynamodb failed"}),
    "bare": "a print",
    "bare JSON": json.dumps({"message": "a print", "order": 1}),
    "bare and stale": json.dumps({"message": "a print", "trace_id": to_xray(STALE)}),
}
EXPECTED = (
    dict.fromkeys(("Node.js", "Python", "Log4j", "JSON"), ("request", REQUEST))
    | {name: ("request", OTHER_REQUEST) for name in LINES if name.endswith("another request")}
    | dict.fromkeys(("JSON of another service", "JSON error of another service"), ("stream", FOREIGN))
    | dict.fromkeys(("Node.js of another service", "Log4j of another service"), ("stream", REQUEST))
    | dict.fromkeys(("bare", "bare JSON", "bare and stale"), ("stream", REQUEST))
)


def streams():
    """Log streams of two invocations that follow each other, each as the parts that a batch holds or does not hold."""
    for kind, other in itertools.product(("text", "JSON"), (TRACE, OTHER)):
        if kind == "text":
            first = [start(OTHER_REQUEST), end(OTHER_REQUEST), report(OTHER_REQUEST, other, sampled=False)]
            begun, done = [start()], [end(), report(sampled=False)]
        else:
            first = [platform(f"platform.{event}", OTHER_REQUEST, other) for event in ("start", "report")]
            begun, done = [platform("platform.start", REQUEST, TRACE)], [platform("platform.report", REQUEST, TRACE)]
        yield pytest.param([first, begun, list(LINES.values()), done], id=f"{kind} of {1 + (other == OTHER)} traces")


class _Killed(Exception):
    pass


@contextmanager
def killed(store, at):
    """The worker is killed before its write number ``at``; yields a function that tells whether it was."""
    count = itertools.count()
    reached = [False]
    write = store.write

    def writing(lines):
        if lines and next(count) == at:
            reached[0] = True
            raise _Killed
        return write(lines)

    store.write = writing
    try:
        yield lambda: reached[0]
    except _Killed:
        pass
    finally:
        store.write = write


def sweep(store, settings):
    """A worker that starts anew, and X-Ray has nothing; returns what is left."""
    return Resolver(store=store, source=Traces(), settings=settings, clock=lambda: NOW / 1000 + 3600).sweep(force=True).unsettled


def ended(store, settings, parts, batches, at=None):
    """The lines at the end, of a stream whose parts come in these batches; and whether a sweep was killed at write ``at``.

    That sweep is the only one before the last batch comes. Without ``at`` a sweep follows each batch.
    """
    salt = new_salt()[8:]
    own = (salt, f"{salt[:4]}-{salt[4:]}")
    stream, killed_one = f"2026/11/24/[$LATEST]{salt * 4}", False
    for number, (first, last) in enumerate(batches):
        messages = [replaced(message, OWN, own) for part in parts[first:last] for message in part]
        place = sum(map(len, parts[:first]))
        shipped(lambda_event(messages, stream=stream, at=NOW + place, first=1 + place), store, settings)
        if at is None:
            sweep(store, settings)
        elif number == len(batches) - 2:
            with killed(store, at) as was_killed:
                sweep(store, settings)
            killed_one = was_killed()
    assert any(not sweep(store, settings) for _ in range(4)), "lines change hands for ever"
    store.refresh()
    return json.loads(replaced(json.dumps(found_at_the_end(store, stream, salt)), (*own, salt), (*OWN, "…"))), killed_one


def found_at_the_end(store, stream, salt):
    """The lines of a stream in order, and after them the records of its traces, in which a line's place stands for its id."""
    lines, traces = (
        store.search({"size": 100, "query": query}, index=f"{store.prefix}-{kind}")["hits"]["hits"]
        for kind, query in (("logs-*", {"term": {"aws.logStream": stream}}), ("traces", {"wildcard": {"traceId": f"*{salt}*"}}))
    )
    lines.sort(key=lambda hit: hit["_source"]["eventId"])
    traces.sort(key=lambda hit: hit["_source"]["traceId"])
    records = json.dumps([comparable(hit["_source"], "traces") for hit in traces])
    records = replaced(records, [hit["_id"] for hit in lines], [f"line {place}" for place in range(len(lines))])
    return [*(comparable(hit["_source"], "logs-*") for hit in lines), *json.loads(records)]


def different(found, calm):
    """What differs, and where."""
    assert len(found) == len(calm)
    return [(place, *difference) for place, pair in enumerate(zip(found, calm, strict=True)) for difference in paths_that_differ(*pair)]


def replaced(text, old, new):
    """``text`` with one set of ids instead of another."""
    for one, other in zip(old, new, strict=True):
        text = text.replace(one, other)
    return text


@pytest.mark.parametrize("parts", list(streams()))
def test_each_line_ends_by_what_it_names(store, settings, parts):
    """The reference of the other tests: the method and the request of each line where the whole stream comes at once."""
    calm, _ = ended(store, settings, parts, [(0, 4)])
    lines = calm[len(parts[0]) + 1 :][: len(LINES)]
    assert {name: (line["idSource"], line["requestId"]) for name, line in zip(LINES, lines, strict=True)} == EXPECTED


@pytest.mark.parametrize("parts", list(streams()))
def test_any_order_of_the_parts_ends_alike(store, settings, parts):
    """Each part in a batch of its own or with its neighbour, in any order, with a sweep after each."""
    calm, _ = ended(store, settings, parts, [(0, 4)])
    for cuts in ((0, 1, 4), (0, 1, 2, 4), (0, 2, 3, 4)):
        for batches in itertools.permutations(itertools.pairwise(cuts)):
            assert different(ended(store, settings, parts, batches)[0], calm) == [], batches


@pytest.mark.parametrize("parts", list(streams()))
@pytest.mark.parametrize("batches", [((0, 2), (3, 4), (2, 3)), ((1, 4), (0, 1))], ids=["then the lines", "then the other invocation"])
def test_any_write_may_be_the_last_before_the_next_batch(store, settings, parts, batches):
    """The worker is killed before each of its writes in turn, such as between a trace's record and the join keys of its requests."""
    calm, _ = ended(store, settings, parts, [(0, 4)])
    for at in itertools.count():
        found, was_killed = ended(store, settings, parts, batches, at)
        assert different(found, calm) == [], at
        if not was_killed:
            break
    assert at >= 2, "no sweep was killed between two writes"


@pytest.mark.parametrize("batches", [((0, 1), (1, 2)), ((1, 2), (0, 1))], ids=["the records first", "the line first"])
def test_a_line_that_names_a_contested_request_comes_to_rest(store, settings, batches):
    """The platform names two traces for the request, and the line stands in the invocation of a third: it is nobody's, and the sweep ends."""
    contested = [line for trace in (OTHER, STALE)
                 for line in (start(OTHER_REQUEST), end(OTHER_REQUEST), report(OTHER_REQUEST, trace, sampled=False))]  # fmt: skip
    parts = [contested, [start(), LINES["JSON of another request"], end(), report(sampled=False)]]
    lines, _ = ended(store, settings, parts, batches)
    assert (lines[len(contested) + 1].get("traceId"), lines[len(contested) + 1]["idSource"]) == (None, "none")


def test_a_line_is_found_by_the_request_that_it_names(store, settings):
    """Also where its position gave it another one: by that id alone, and with it the whole trace that it stands in."""
    messages = [start(), LINES["Log4j of another service"], LINES["Node.js of another service"], end(), report(sampled=False)]
    shipped(lambda_event(messages), store, settings)
    sweep(store, settings)
    store.refresh()
    named = [hit["_source"]["body"] for hit in find(SearchQuery(request_id=FOREIGN), store).hits]
    assert named == messages[1:3]
    assert len(list(find(SearchQuery(ids=(FOREIGN,), whole=True), store).hits)) == len(messages)
