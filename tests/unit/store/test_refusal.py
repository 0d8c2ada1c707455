"""Whom a refusal of OpenSearch blames: what a real one (3.8) answered is written down here."""

import json

import pytest

from pipeline.errors import BadInputError, UnavailableError
from pipeline.store.own_mapping import own_types
from pipeline.store.refusal import is_page, read_error
from pipeline.store.results import item_result

MAPPER, ILLEGAL = "mapper_parsing_exception", "illegal_argument_exception"


def parse(field, kind, value="x", cause="For input string"):
    """The error about a field that can't be parsed."""
    reason = f"failed to parse field [{field}] of type [{kind}] in document with id '1'. Preview of field's value: '{value}'"
    return {"type": MAPPER, "reason": reason, "caused_by": {"type": ILLEGAL, "reason": cause}}


CLUSTER = [
    (403, {"type": "cluster_block_exception", "reason": "index [i] blocked by: [FORBIDDEN/8/index write (api)];"}),
    (403, {"type": "cluster_block_exception", "reason": "index [i] blocked by: [FORBIDDEN/5/index read-only (api)];"}),
    (429, {"type": "cluster_block_exception", "reason": "index [i] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark];"}),
    (400, {"type": "index_closed_exception", "reason": "closed", "index": "i"}),
    (400, {"type": "validation_exception", "reason": "Validation Failed: 1: this action would add [2] total LOCAL_ONLY shards, but this cluster "
                                                     "currently has [10]/[1] maximum LOCAL_ONLY shards open;"}),
    (400, {"type": ILLEGAL, "reason": "Validation Failed: 1: this action would add [2] total shards, but this cluster currently has [10]/[1] maximum shards open;"}),
    (404, {"type": "index_not_found_exception", "reason": "no such index [i]", "index": "i"}),
    (404, {"type": "index_not_found_exception", "reason": "no such index [i] and [action.auto_create_index] contains [-i*] which forbids automatic creation of the index"}),
    (403, {"type": "security_exception", "reason": "no permissions for [indices:admin/create] and User [name=x]"}),
    (503, {"type": "unavailable_shards_exception", "reason": "[i][0] primary shard is not active Timeout: [1m]"}),
    (429, {"type": "circuit_breaking_exception", "reason": "[parent] Data too large"}),
    (429, {"type": "rejected_execution_exception", "reason": "rejected execution of coordinating operation"}),
    (503, {"type": "process_cluster_event_timeout_exception", "reason": "failed to process cluster event (put-mapping) within 30s"}),
    (400, {"type": "strict_dynamic_mapping_exception", "reason": "mapping set to strict, dynamic introduction of [@timestamp] within [_doc] is not allowed"}),
    (400, {"type": "routing_missing_exception", "reason": "routing is required for [i]/[1]"}),
    (400, {"type": ILLEGAL, "reason": "Limit of total fields [3] has been exceeded"}),
    (400, {"type": ILLEGAL, "reason": "pipeline with id [nope] does not exist"}),
    (400, {"type": ILLEGAL, "reason": "no write index is defined for alias [i]."}),
    (400, {"type": ILLEGAL, "reason": "number of documents in the index cannot exceed 2147483519"}),
    (400, parse("@timestamp", "long", "2026-11-24T10:00:00.123Z")),
    (400, parse("traceId", "ip")),
    (400, parse("traceId", "boolean")),
    (400, parse("body", "date", "failed to parse field [attributes] of type [flat_object]")),
    (400, parse("aws", "keyword", "{logGroup=g}", "Can't get text on a START_OBJECT at 1:122")),
    (400, parse("attributes", "long", "{x=abc}")),
    (400, {"type": MAPPER, "reason": "object mapping for [body] tried to parse field [body] as object, but found a concrete value"}),
    (400, {"type": MAPPER, "reason": "failed to parse", "caused_by": {"type": ILLEGAL, "reason": "Cannot write to a field alias [traceId]."}}),
]  # fmt: skip
DOCUMENT = [
    (400, parse("attributes", "flat_object", "1", 'Duplicate Object property "a"')),
    (400, parse("attributes", "flat_object", "failed to parse field [body] of type [long]")),
    (400, parse("attributes", "flat_object", "index_closed_exception shards pipeline")),
    (400, parse("attributes", "flat_object", "Cannot write to a field alias [traceId].")),
    (400, parse("attributes.x", "long")),
    (400, parse("@timestamp", "date_nanos", "never")),
    (400, parse("httpStatus", "short", "99999999")),
    (400, parse("body", "text", "{a=1}", "Can't get text on a START_OBJECT at 1:149")),
    (400, {"type": ILLEGAL, "reason": 'Document contains at least one immense term in field="attributes._value" (whose UTF8 encoding is longer than the max '
                                      "length 32766), all of which were skipped. The prefix of the first immense term is: '[120, 120]...', original message: "
                                      "bytes can be at most 32766 in length; got 40000",
           "caused_by": {"type": "max_bytes_length_exceeded_exception", "reason": "bytes can be at most 32766 in length; got 40000"}}),
    (400, {"type": MAPPER, "reason": "object mapping for [aws] tried to parse field [aws] as object, but found a concrete value"}),
    (400, {"type": MAPPER, "reason": "failed to parse", "caused_by": {"type": "stream_constraints_exception", "reason": "Document nesting depth (1001) exceeds the maximum allowed"}}),
    (400, {"type": MAPPER, "reason": "failed to parse", "caused_by": {"type": ILLEGAL, "reason": "field name cannot be an empty string"}}),
    (400, {"type": MAPPER, "reason": "The number of nested documents has exceeded the allowed limit of [10000]. This limit can be set by changing the "
                                     "[index.mapping.nested_objects.limit] index level setting."}),
    (400, {"type": "document_parsing_exception", "reason": "[1:2] failed to parse: unexpected end"}),
    (413, {"type": "x", "reason": "too large"}),
]  # fmt: skip


@pytest.mark.parametrize(("status", "error"), CLUSTER)
def test_what_the_cluster_is_to_blame_for(status, error):
    """The same document is taken once somebody has cured it, so whoever wrote it has to come again, and is told the index."""
    result = item_result({"status": status, "error": error})
    assert result.curable
    assert not result.of_content
    with pytest.raises(UnavailableError, match=error["type"]):
        result.raise_for_failure("a line")


@pytest.mark.parametrize(("status", "error"), DOCUMENT)
def test_what_the_document_is_to_blame_for(status, error):
    """No cure of the cluster helps; what a document holds decides this only by the type of the error and by the start of its reason."""
    result = item_result({"status": status, "error": error})
    assert not result.curable
    assert result.of_content
    with pytest.raises(BadInputError):
        result.raise_for_failure("a line")


def test_an_unknown_illegal_argument_may_be_either():
    """Without its attributes the document may be taken; if it is not, it comes again."""
    result = item_result({"status": 400, "error": {"type": ILLEGAL, "reason": "something new"}})
    assert (result.curable, result.of_content) == (True, True)


def test_a_conflict_and_a_missing_document_are_neither():
    """A concurrent writer, or a deleted document: callers know these."""
    for status, kind in ((409, "version_conflict_engine_exception"), (404, "document_missing_exception")):
        assert not item_result({"status": status, "error": {"type": kind, "reason": "r"}}).curable


SHARDS = {"error": {"root_cause": [], "type": "search_phase_execution_exception", "reason": "all shards failed", "phase": "query", "failed_shards": [
    {"shard": 0, "index": "p-logs-2026.11.24", "reason": {"type": ILLEGAL, "reason": "Text fields are not optimised for sorting",
                                                          "caused_by": {"type": "x", "reason": "set fielddata=true"}}}]}, "status": 400}  # fmt: skip


@pytest.mark.parametrize(("answer", "kind", "reason"), [
    (SHARDS, "search_phase_execution_exception", "all shards failed: index p-logs-2026.11.24: Text fields are not optimised for sorting: set fielddata=true"),
    ({"took": 1, "failures": [{"cause": {"type": "cluster_block_exception", "reason": "blocked"}, "status": 403}]}, "cluster_block_exception", "blocked"),
    ({"error": "no handler found for uri [/x]"}, "", "no handler found for uri [/x]"),
    ({"error": {"type": "a", "reason": "same", "caused_by": {"type": "a", "reason": "same"}}}, "a", "same"),
    ({"error": {"type": "a", "reason": None, "caused_by": "text"}}, "a", "a"),
    ({"failures": []}, "", ""), ({"failures": [1]}, "", ""), ({"error": 7}, "", ""), ([], "", ""), (None, "", ""), ("page", "", ""),
])  # fmt: skip
def test_errors_tell_their_root_cause(answer, kind, reason):
    """From the outer reason down to that of the first shard, each once; what is no error of OpenSearch is none."""
    assert read_error(answer) == (kind, reason)


def test_a_page_is_no_answer():
    """HTML and XML, whatever stands before; no text of OpenSearch begins so."""
    assert is_page("\ufeff\n <!DOCTYPE html>")
    assert not is_page(json.dumps(SHARDS))
    assert not is_page("Unauthorized")


def test_own_types_come_from_the_templates():
    """Leaves, objects and what no template has."""
    assert own_types("traceId") == {"keyword"}
    assert own_types("attributes") == {"flat_object"}
    assert own_types("aws") == {"object"}
    assert own_types("events") == {"nested"}
    assert own_types("surprise") == frozenset()
