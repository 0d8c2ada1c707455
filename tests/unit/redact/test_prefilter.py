"""The scanner that finds lines worth a closer look."""

from threading import Thread

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
