"""Facts of log lines in files."""

import json

import pytest

from pipeline.errors import BadInputError
from pipeline.offline.classify_traces import facts_of_lines
from pipeline.offline.explain_lines import read
from tests.support.events import TRACE, powertools


def test_a_number_too_large_to_be_read_costs_no_line_its_facts():
    """JSON allows numbers that no program holds; a line with one counts like any other."""
    line = powertools("paid").replace("}", ', "n": 1e999}')
    facts = facts_of_lines(found for _, found in read(line.encode(), max_bytes=10**6))
    assert facts[TRACE].requests


def test_half_a_surrogate_pair_in_a_file_becomes_a_question_mark():
    """In what `aws logs filter-log-events` prints, and in an array of lines: as in a subscription event."""
    for content in ({"events": [{"message": "a\ud83d"}]}, ["a\ud83d"]):
        ((text, _),) = read(json.dumps(content).encode(), max_bytes=10**6)
        assert text == "a?"


def test_a_json_object_that_is_no_utf_8_is_refused():
    """With the place of the first byte, as other text is."""
    with pytest.raises(BadInputError, match="byte 2 is not UTF-8"):
        list(read(b'{"\xed\xa0\x80":8}', max_bytes=10**6))
