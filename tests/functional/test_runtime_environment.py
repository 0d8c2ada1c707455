"""The local execution environment, with AWS' own runtime client for Python in it: what it logs, in which order, and how invocations end."""

import json
import sys
import time
from dataclasses import dataclass, field

import pytest

from pipeline.errors import UnavailableError
from pipeline.local import runtime_environment
from pipeline.local.runtime_api import InvocationRequest
from pipeline.local.runtime_environment import RuntimeCommand, RuntimeEnvironment
from pipeline.local.runtime_output import FrameCutter, LineCutter
from tests.support.paths import ROOT

pytest.importorskip("awslambdaric")
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
HEADER = "Root=1-66000000-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1"


@dataclass
class Log:
    """An execution environment's log, as a list of what happened."""

    events: list = field(default_factory=list)

    def init_started(self):
        self.events.append("init")

    def init_ended(self, seconds, error_type):
        assert seconds > 0
        self.events.append(f"ready {error_type}".strip())

    def opened(self, request):
        self.events.append(f"start {request.request_id}")

    def wrote(self, message):
        self.events.append(message)

    def closed(self, request, end):
        self.events.append(f"end {request.request_id} {end.status} {end.error_type}".strip())

    def other(self, path, body):
        self.events.append((path, body))


def request(request_id, do="print", seconds=20.0, **event):
    """An invocation that has so many seconds."""
    return InvocationRequest(request_id=request_id, event={"do": do, "order": 17} | event, deadline=time.time() + seconds, function_arn=ARN,
                             trace_header=HEADER)  # fmt: skip


def command(handler="app.handler", client="awslambdaric", **more):
    """How to start a client."""
    variables = {"PYTHONPATH": str(ROOT / "tests" / "support" / "runtime"), "AWS_LAMBDA_LOG_FORMAT": more.pop("log_format", "Text"),
                 "AWS_LAMBDA_FUNCTION_NAME": "orders", "AWS_LAMBDA_LOG_STREAM_NAME": "stream"}  # fmt: skip
    return RuntimeCommand(arguments=[sys.executable, "-m", client, handler], variables=variables, folder=ROOT / "tests", **more)


@pytest.fixture
def log():
    """An empty log."""
    return Log()


@pytest.fixture
def start(log):
    """Starts environments, and ends them."""
    environments = []

    def begin(**more):
        """Makes an environment."""
        environments.append(RuntimeEnvironment(command(**more), log))
        return environments[-1]

    yield begin
    for environment in environments:
        environment.stop()


def test_every_line_stands_in_its_invocation(start, log):
    """What is printed comes line by line, what is logged as one event, each between its own START and END; the process lives on."""
    environment = start()
    environment.invoke(request("one"))
    environment.invoke(request("two", "log"))
    first, second = log.events[:8], log.events[8:]
    assert first == ["init", "init\n", "ready", "start one", "order 17\n", "two\n", "lines\n", "end one success"]
    assert [second[0], second[-1], len(second)] == ["start two", "end two success", 3]
    assert second[1].startswith("[ERROR]\t")
    assert second[1].endswith("\ttwo\torder 17\nrefused\n")


def test_a_client_without_telemetry_pipe_writes_lines(start, log):
    """In a container image, where there is stdout alone, a log record of two lines is two events."""
    start(telemetry=False).invoke(request("one", "log"))
    assert log.events[-2:] == ["refused\n", "end one success"]


def test_the_json_format_is_the_clients_own(start, log):
    """With Lambda's JSON format a log record is an object that names its request."""
    start(log_format="JSON").invoke(request("one", "log"))
    line = json.loads(log.events[-2])
    assert [line["level"], line["message"], line["requestId"]] == ["ERROR", "order 17\nrefused", "one"]


def test_the_handler_sees_its_tracing_header(start, log):
    """The header of the invocation is in the process' environment."""
    start().invoke(request("one", "trace"))
    assert log.events[-2] == HEADER + "\n"


def test_an_exception_ends_the_invocation_and_not_the_process(start, log):
    """The client writes the exception and names its type; the next invocation runs in the same process."""
    environment = start()
    environment.invoke(request("one", "raise"))
    environment.invoke(request("two"))
    assert log.events.count("init") == 1
    (line,) = [event for event in log.events if event.startswith("[ERROR]")]
    assert line.startswith("[ERROR] ValueError: order 17\nTraceback (most recent call last):\n")
    assert "end one error ValueError" in log.events
    assert log.events[-1] == "end two success"


@pytest.mark.parametrize(("do", "status"), [("exit", "crash"), ("kill", "memory"), ("sleep", "timeout")])
def test_a_process_that_ends_is_started_anew(start, log, do, status):
    """A crash, an end by force, and a timeout end the invocation; the next one begins with a new process."""
    environment = start()
    environment.invoke(request("one", do, seconds=20 if do != "sleep" else 1))
    environment.invoke(request("two"))
    assert f"end one {status}" in log.events
    assert log.events.count("init") == 2
    assert log.events[-1] == "end two success"


def test_a_handler_that_does_not_load_fails_each_invocation(start, log):
    """The client says why in the log; each invocation ends with that error, and each tries again."""
    environment = start(handler="missing.handler")
    environment.invoke(request("one"))
    environment.invoke(request("two"))
    assert [event for event in log.events if event.startswith(("ready", "start", "end"))] == [
        f"{word}Runtime.ImportModuleError" if word[-1] == " " else word
        for word in ("ready ", "start one", "end one error ", "ready ", "start two", "end two error ")
    ]
    assert any("Unable to import module 'missing'" in event for event in log.events)


def test_several_invocations_run_at_once(start, log):
    """On a Managed Instance invocations overlap, and no line is lost."""
    environment = start(log_format="JSON", concurrency=3)
    for number in range(3):
        environment.submit(request(f"r{number}", "sleep", pause=0.5))
    environment.wait()
    starts = [place for place, event in enumerate(log.events) if event.startswith("start")]
    ends = [place for place, event in enumerate(log.events) if event.startswith("end")]
    assert len(starts) == len(ends) == 3
    assert max(starts) < min(ends)
    assert {f"slept in r{number}\n" for number in range(3)} <= set(log.events)


def test_the_client_for_other_computers_does_the_same(start, log):
    """Where `awslambdaric` has no wheel, ours prints, logs an exception as one event, names its type, and sees its tracing header."""
    environment = start(client="pipeline.local.lambda_runtime")
    environment.invoke(request("one", "trace"))
    environment.invoke(request("two", "raise"))
    environment.invoke(request("three"))
    assert log.events[:5] == ["init", "init\n", "ready", "start one", HEADER + "\n"]
    (line,) = [event for event in log.events if event.startswith("[ERROR]")]
    assert line.startswith("[ERROR] ValueError: order 17\nTraceback (most recent call last):\n")
    assert "end two error ValueError" in log.events
    assert log.events[-4:] == ["order 17\n", "two\n", "lines\n", "end three success"]


def test_a_process_that_asks_for_nothing_is_given_up(log, monkeypatch):
    """A client that does not start is an error that says so."""
    monkeypatch.setattr(runtime_environment, "_START_LIMIT", 0.3)
    silent = RuntimeCommand(arguments=[sys.executable, "-c", "import time; time.sleep(60)"], variables={}, folder=ROOT)
    with pytest.raises(UnavailableError, match="did not ask"):
        RuntimeEnvironment(silent, log).invoke(request("one"))


def test_cutters_take_any_chunks():
    """Frames and lines are the same however the bytes of a pipe are cut; what is left of the last line is its rest."""
    data = b"".join(b"\xa5\x5a\x00\x03" + len(text).to_bytes(4, "big") + bytes(8) + text for text in (b"one", b"", b"t\nwo"))
    for size in range(1, len(data)):
        frames, lines = FrameCutter(), LineCutter()
        chunks = [data[start : start + size] for start in range(0, len(data), size)]
        assert [message for chunk in chunks for message in frames.cut(chunk)] == ["one", "", "t\nwo"]
        text = [b"one\ntwo\nrest"[start : start + size] for start in range(0, 12, size)]
        assert [message for chunk in text for message in lines.cut(chunk)] == ["one\n", "two\n"]
        assert lines.rest() == "rest"
    with pytest.raises(ValueError, match="no frame"):
        list(FrameCutter().cut(b"x" * 16))
