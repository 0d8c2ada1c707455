"""Lines that are text: the platform's, the runtimes', anybody's."""

import pytest

from pipeline.logs.extract.read_lines import extract
from tests.support.events import REQUEST, TRACE, end, report, start

XRAY = "1-5759e988-bd862e3fe1be46a994272793"


def test_start_and_end_open_and_close_a_request():
    """START and END carry the request, and the platform wrote them."""
    first, last = extract(start()), extract(end())
    assert (first.format, first.request_id, first.opens, first.platform) == ("lambda-start", REQUEST, True, True)
    assert (last.format, last.request_id, last.closes) == ("lambda-end", REQUEST, True)


def test_report_names_trace_segment_and_sampling():
    """Both halves of a REPORT line are read, with tabs or with runs of spaces between the fields."""
    for text in (report(), report().replace("\t", "   ")):
        line = extract(text)
        assert (line.request_id, line.trace_id, line.span_id, line.sampled) == (
            REQUEST,
            TRACE,
            "0285bf1261be05ff",
            True,
        )
    assert extract(report(sampled=False)).sampled is False


def test_report_status_is_a_signal():
    """`Status: timeout` and `Status: error` in a REPORT line speak of a failure; their absence does not."""
    assert extract(report(status="timeout")).signals == ("timeout",)
    assert extract(report(status="error")).signals == ("error",)
    assert extract(report()).signals == ()


def test_placeholder_ids_in_a_report_are_no_ids():
    """AWS' documentation writes ids that are none."""
    line = extract(report().replace(XRAY, "1-5e34a614-10bdxmplf1fb44f07bc535a1"))
    assert line.trace_id is None


def test_two_traces_in_one_line_are_no_evidence():
    """A wrong trace is worse than none."""
    assert extract(f"joined {XRAY} and 1-68a1b2c3-bd862e3fe1be46a994272794").trace_id is None


@pytest.mark.parametrize(
    ("text", "format_", "severity"),
    [(f"2020-03-05T16:30:36.113Z\t{REQUEST}\tERROR\tbroken", "node-text", "ERROR"),
     (f"[INFO]\t2023-01-01T00:00:00.000Z\t{REQUEST}\thello", "python-text", "INFO")],
)  # fmt: skip
def test_runtime_prefixes(text, format_, severity):
    """The prefixes of Lambda's runtimes give request and severity."""
    line = extract(text)
    assert (line.format, line.request_id, line.severity.text) == (format_, REQUEST, severity)


def test_timeout_crash_and_memory():
    """The platform's last words about a request are signals."""
    assert extract(f"2023-01-01T00:00:00.000Z {REQUEST} Task timed out after 3.00 seconds").signals == ("timeout",)
    killed = extract(f"RequestId: {REQUEST} Error: Runtime exited with error: signal: killed\nRuntime.ExitError")
    assert (killed.request_id, killed.signals) == (REQUEST, ("crash", "out-of-memory"))


def test_python_traceback():
    """An uncaught exception of the Python runtime is an error and an exception."""
    line = extract("[ERROR] ValueError: boom\nTraceback (most recent call last):\n  File x")
    assert (line.format, line.signals) == ("python-text", ("error", "exception"))
