"""In words: why the lines and spans of a transaction are kept, wait, or went."""

from collections.abc import Collection, Mapping
from typing import Any

from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray
from pipeline.retain.decision import Decision, decide
from pipeline.retain.policy import Policy
from pipeline.retain.slowness import slowness_of
from pipeline.retain.whole_transactions import load_documents, transactions_around
from pipeline.store.client import Store
from pipeline.store.sampled_out import SampledOut, read_sampled_out
from pipeline.store.trace_records import TraceRecords


def record_in_words(document: Mapping[str, Any]) -> list[str]:
    """Returns what the stored document of a trace says of its retention, in sentences: a hold, and what was sampled out."""
    said = ["held: nothing of it is deleted; `tracejoin keep --list` says why"] if document.get("held") else []
    sampled_out = read_sampled_out(document.get("sampledOut"))
    return [*said, *([_went(sampled_out, is_healthy=bool(document.get("healthy")))] if sampled_out else [])]


def decisions_in_words(trace_ids: Collection[str], store: Store, records: TraceRecords, policy: Policy, now_ms: int) -> dict[str, str]:
    """Returns what ``policy`` says of the transactions of these traces, a sentence each, by trace id.

    It is what counts at ``now_ms`` (epoch milliseconds, UTC), as the next sweep would find it; sees only refreshed documents.
    """
    if not policy.samples:
        return {}
    found = transactions_around(trace_ids, store, records)
    load_documents(found, store)
    slowness = slowness_of(policy.slow, store, now_ms)
    said: dict[str, str] = {}
    for each in found:
        if not each.documents and any(record.sampled_out for record in each.records.values()):
            # all of it is gone, as its records say
            continue
        sentence = _sentence(decide(policy, each, slowness, now_ms), each.id, several=len(each.records) > 1)
        said |= dict.fromkeys(each.records, sentence)
    return said


def _sentence(decision: Decision, transaction_id: str, *, several: bool) -> str:
    whose = f" with its transaction {to_xray(transaction_id)}" if several else ""
    start = {"kept": f"kept{whose}", "waits": f"not decided yet{whose}", "goes": f"goes{whose} with the next sweep"}
    return f"{start[decision.outcome]}: {decision.reason}"


def _went(sampled_out: SampledOut, *, is_healthy: bool) -> str:
    lines, spans = len(sampled_out.lines), len(sampled_out.spans)
    what = f"{lines:,} log line{'' if lines == 1 else 's'} and {spans:,} span{'' if spans == 1 else 's'} ({sampled_out.size:,} bytes)"
    when = f"sampled out since {iso_millis(sampled_out.at)}, when nothing was wrong with it: {sampled_out.reason}"
    end = "" if is_healthy else ". What is wrong now became known later; what has come since stays"
    return f"{what} {when}{end}"
