"""The scanner that finds lines worth a closer look."""

import sys
from threading import Thread

import pytest

from pipeline.errors import MisconfiguredError
from pipeline.redact.own_patterns import OwnPatterns
from pipeline.redact.prefilter import Prefilter


def test_threads_may_share_a_scanner():
    """Ten threads find in their own lines what is there, each time: the scanner's memory is used by one at a time."""
    scanner, wrong = Prefilter({"a": ["aa"], "b": ["bb"]}), []

    def look(number):
        messages = ["xx"] * number + ["aabb"] + ["yy"] * 2000
        wrong.extend(found for _ in range(50) if (found := scanner.scan(messages)) != {"a": [number], "b": [number]})

    threads = [Thread(target=look, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    marks = scanner.scan([])
    assert (list(marks["a"]), list(marks["b"])) == ([], [])


@pytest.mark.parametrize("reading", [lambda: Prefilter({"a": ["aa"]}).scan(["aa"]), lambda: OwnPatterns(["aa"])])
def test_a_hyperscan_that_does_not_load_is_said(monkeypatch, reading):
    """Lines and own patterns alike: one line says what is wrong and what to do, and no line passes unread."""
    # a module that is None can't be imported
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    with pytest.raises(MisconfiguredError, match=r"^hyperscan does not load on \w+ \(.+\).*: install tracejoin's dependencies"):
        reading()
