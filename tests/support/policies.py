"""Policies in tests: settings with a policy file, sweeps at any time, and the ledger of what went."""

from dataclasses import replace

from pipeline.model.trace_ids import to_xray
from pipeline.store.sampled_out import digest_of, read_sampled_out
from tests.support.events import NOW, OTHER, OTHER_REQUEST, REQUEST, TRACE, end, function, powertools, report, service, start
from tests.support.shipping import resolver

KEEP_NONE = "keep: 0%\nslow: {over: 10s}\n"
LATER = NOW / 1000 + 2 * 3600
"""Two hours after the lines, in seconds: every grace period of these policies is over."""

LINES = [start(), powertools("paid", correlation_id="order-17"), "bare print", end(), report()]
SEGMENTS = [service(), function()]
FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]}}
OTHER_LINES = [line.replace(REQUEST, OTHER_REQUEST).replace(to_xray(TRACE), to_xray(OTHER)) for line in LINES]


def _other(segment):
    """The same segment in the other trace."""
    return segment | {"trace_id": to_xray(OTHER), "id": f"f{segment['id'][1:]}"} | (
        {"parent_id": f"f{segment['parent_id'][1:]}"} if "parent_id" in segment else {"aws": {"request_id": OTHER_REQUEST}})  # fmt: skip


OTHER_SEGMENTS = [_other(segment) for segment in SEGMENTS]


def with_policy(settings, folder, text=KEEP_NONE):
    """Settings whose policy file holds ``text``."""
    path = folder / f"policy-{abs(hash(text))}.yaml"
    path.write_text(text)
    return replace(settings, policy_file=str(path))


def sweep(store, settings, *documents, at=LATER):
    """One sweep of a worker that starts anew, ``at`` seconds since the epoch, whose X-Ray has these documents."""
    return resolver(store, settings, *documents, clock=lambda: at)[0].sweep(force=True)


def record(store, trace_id):
    """The stored record of a trace."""
    (hit,) = store.get_many([(f"{store.prefix}-traces", trace_id)])
    return hit.source


def stored_lines(store):
    """The ids of all log documents, held ones included."""
    store.refresh()
    return [hit.id for hit in store.scan({"term": {"doc.kind": "log"}}, index=store.lines_and_spans, source=False)]


def counted(store):
    """The digests of all lines that records count as gone."""
    store.refresh()
    found = (read_sampled_out(hit.source.get("sampledOut")) for hit in store.scan({"match_all": {}}, index=f"{store.prefix}-traces"))
    return [digest for sampled_out in found if sampled_out for digest in sampled_out.lines]


def adds_up(store, shipped):
    """Whether each of the ``shipped`` lines, by the ids of their documents, is stored or counted, and none both or twice."""
    there = [digest_of(id_) for id_ in stored_lines(store)] + counted(store)
    return sorted(there) == sorted(map(digest_of, shipped))
