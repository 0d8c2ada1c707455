"""What a program prints that only a platform may say."""

import pytest

from pipeline.logs.correlate import correlate_batch
from pipeline.logs.extract.log_line import AccessLogLine, JsonLine, LogLine, ReportLine, TracingLine
from pipeline.logs.extract.read_lines import read_lines
from pipeline.logs.printed import demote_printed
from tests.support.events import REQUEST, TRACE, end, report, start


def lines_in(writer, *messages):
    """The lines of a log stream of this writer, read and correlated as `ship` does."""
    _, lines = read_lines(list(messages))
    demote_printed(lines, writer)
    correlate_batch(lines, of_lambda=writer == "lambda")
    return lines


HEADER = f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent=0123456789abcdef;Sampled=1"
ACCESS = f'{{"requestId":"g","routeKey":"GET /x","status":"500","integrationRequestId":"{REQUEST}"}}'
TRACING = f"({REQUEST}) Method request headers: {{X-Amzn-Trace-Id={HEADER}}}"
RUNTIME_DONE = f'{{"time":"2026-01-01T00:00:00Z","type":"platform.runtimeDone","record":{{"requestId":"{REQUEST}","status":"success"}}}}'


@pytest.mark.parametrize("message", [start(), end(), report(), RUNTIME_DONE, TRACING, ACCESS])
def test_a_program_proves_nothing(message):
    """In the log of a container, a platform's line is text: no event, no word on a request, but the same message, ids and trace."""
    (line,) = lines_in("program", message)
    assert (type(line), line.event_name, line.platform) == (JsonLine if message[0] == "{" else LogLine, "", False)
    assert line.body


def test_each_platform_in_its_own_log():
    """Lambda's lines count in Lambda's logs alone, and API Gateway's in its own."""
    assert type(lines_in("lambda", report())[0]) is ReportLine
    assert type(lines_in("api-gateway", report())[0]) is LogLine
    assert type(lines_in("api-gateway", TRACING)[0]) is TracingLine
    assert type(lines_in("lambda", TRACING)[0]) is LogLine
    assert type(lines_in("api-gateway", ACCESS)[0]) is AccessLogLine
    assert lines_in("api-gateway", ACCESS)[0].event_name == "apigateway.access"


def test_a_printed_report_claims_its_trace():
    """A container's REPORT line still finds the trace that it names, as a claim that is said to be unsampled."""
    (line,) = lines_in("program", report(sampled=False))
    assert (line.trace_id, line.request_id, line.sampled, line.id_source) == (TRACE, REQUEST, False, "inline")


def test_a_printed_function_error_accuses_nobody():
    """Only API Gateway's own log says that a function failed behind its 200."""
    said = f"({REQUEST}) Lambda execution failed with status 200 due to customer function error: boom. Lambda request id: {REQUEST}"
    assert lines_in("api-gateway", said)[0].signals == ("function-error", "error")
    assert lines_in("program", said)[0].signals == ("error",)


def test_a_printed_tracing_line_without_a_trace_says_none():
    """What looks like a trace id and is none is mentioned by nobody, so the document has one of the four id sources."""
    (line,) = lines_in("program", f"({REQUEST}) X-ray Tracing ID : 1-6b06ae80-49de1fe52f82e2210fe97d50")
    assert (line.trace_id, line.id_source) == (None, "none")
