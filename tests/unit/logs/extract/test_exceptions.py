"""Exceptions and ends of a process, in every runtime's form, whole and line by line."""

import json

import pytest

from pipeline.logs.extract.read_lines import extract, read_lines
from tests.support.events import REQUEST

PYTHON = 'Traceback (most recent call last):\n  File "/var/task/app.py", line 3, in take\n    raise StockError("no")\napp.StockError: no'
JAVA = "com.shop.StockException: no\n\tat com.shop.Orders.take(Orders.java:12)\nCaused by: java.io.IOException: gone\n\t... 2 more"
DOTNET = ("Unhandled exception. System.InvalidOperationException: no\n ---> System.IO.IOException: gone\n   at Shop.Orders.Take() in /src/O.cs:line 3\n"
          "   --- End of inner exception stack trace ---")  # fmt: skip
NODE = "TypeError: Cannot set properties of null (setting 'total')\n    at take (/var/task/index.js:3:9)\n    at async Runtime.handleOnce (file:///x.mjs:1:2)"
GO = "panic: assignment to entry in nil map\n\ngoroutine 18 [running]:\nmain.take(...)\n\t/app/main.go:22 +0x1d\nexit status 2"
RUST = "thread 'tokio-runtime-worker' panicked at src/lib.rs:3:5:\nindex out of bounds\nnote: run with `RUST_BACKTRACE=1`\nstack backtrace:\n   0: main"
RUBY = "/var/task/app.rb:12:in 'Orders#take': no stock (Orders::StockError)\n\tfrom /var/task/app.rb:3:in 'handler'"
PHP = "PHP Fatal error:  Uncaught Shop\\StockError: no in /var/task/a.php:3\nStack trace:\n#0 /var/task/b.php(4): take()\n#1 {main}\n  thrown in a.php on line 3"
ELIXIR = "** (ArithmeticError) bad argument in arithmetic expression\n    (shop 0.1.0) lib/shop.ex:7: Shop.take/1"
TRACES = {
    "Python": PYTHON,
    "Java": JAVA,
    ".NET": DOTNET,
    "Node.js": NODE,
    "Go": GO,
    "Rust": RUST,
    "Ruby": RUBY,
    "PHP": PHP,
    "Elixir": ELIXIR,
}


@pytest.mark.parametrize("trace", [pytest.param(trace, id=name) for name, trace in TRACES.items()])
def test_a_whole_trace_is_an_exception(trace):
    """A stack trace in one event shows an exception without a level."""
    assert "exception" in extract(trace).signals


@pytest.mark.parametrize("trace", [JAVA, DOTNET, NODE], ids=lambda trace: trace[:12])
def test_a_trace_with_other_line_ends(trace):
    """Lambda's runtime client for Node.js writes carriage returns where there is no telemetry pipe."""
    assert "exception" in extract(f"2026-11-20T10:00:00.000Z\t{REQUEST}\tINFO\tOrder: {trace}".replace("\n", "\r")).signals


@pytest.mark.parametrize("trace", [PYTHON, JAVA, DOTNET, NODE, RUST, RUBY, PHP], ids=lambda trace: trace[:12])
def test_a_whole_trace_behind_a_level(trace):
    """A stack trace that a function prints is an exception, whatever the runtime's prefix says of the level."""
    assert "exception" in extract(f"2026-11-20T10:00:00.000Z\t{REQUEST}\tINFO\t{trace}").signals


@pytest.mark.parametrize("trace", [pytest.param(trace, id=name) for name, trace in TRACES.items()])
def test_a_trace_line_by_line_is_one_exception(trace):
    """If each line of a stack trace is an event of its own, the line that begins it shows the exception, and the others show nothing."""
    _, lines = read_lines(trace.split("\n"))
    assert [bool(line.signals) for line in lines] == [True, *([False] * (len(lines) - 1))]


@pytest.mark.parametrize(("message", "signal"), [
    ('Exception in thread "main" java.lang.NullPointerException', "exception"), ("java.lang.IllegalStateException: closed", "exception"),
    ("RangeError: Invalid array length", "exception"),
    ("Handler$StockException: no stock for order 7", "exception"), ("StockException: no stock", "exception"), ("Error: order 7 cannot be placed", "exception"), ("2026/11/20 12:33:00 http: panic serving 10.0.0.1:80: boom", "exception"),
    ("fatal error: all goroutines are asleep - deadlock!", "exception"), ("Node.js v22.3.0", "crash"), ("Segmentation fault (core dumped)", "crash"),
    ("terminate called after throwing an instance of 'std::runtime_error'", "crash"),
    ("PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes)", "out-of-memory"),
    ("FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory", "out-of-memory"),
    ("app.rb:3:in 'x': failed to allocate memory (NoMemoryError)", "out-of-memory"),
    ("INIT_REPORT Init Duration: 3000.11 ms\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError", "error"),
    ("INIT_REPORT Init Duration: 10008.73 ms\tPhase: init\tStatus: timeout", "timeout"),
])  # fmt: skip
def test_single_lines(message, signal):
    """A line by itself shows what happened."""
    assert signal in extract(message).signals


@pytest.mark.parametrize("message", [
    "caught java.lang.IllegalStateException, retrying", "handled ValueError: will retry", "ValueError: no stock", "exceptions handled: 0",
    "retrying after java.net.SocketTimeoutException: Read timed out", "java.lang.OutOfMemoryError was avoided", "uses Node.js v22.3.0 today",
    "a task times out after 3 seconds", "-XX:OnOutOfMemoryError=kill", "met\n at noon (maybe)", "the panic: a history", "Uncaught flags are rare",
])  # fmt: skip
def test_prose_shows_no_exception(message):
    """A class that a sentence names is no exception."""
    assert extract(message).signals == ()


@pytest.mark.parametrize("content", [
    {"error": {"name": "StockError", "message": "x", "stack": "StockError: x\n    at take (/i.js:3:1)"}},
    {"meta": {"err": {"type": "StockError", "stack": "StockError: x\n    at take"}}}, {"exc_info": "Traceback (most recent call last):\n  File\nKeyError: 'a'"},
    {"level": "ERROR", "message": {"errorType": "RangeError", "errorMessage": "x", "stackTrace": ["RangeError: x"]}},
    {"message": "java.lang.RuntimeException: no\n\tat a.B.c(B.java:3)", "level": "UNDEFINED"}, {"@x": "System.Exception: x\n   at A.B()"},
    {"thrown": {"name": "shop.StockException", "extendedStackTrace": [{"class": "a"}]}}, {"error.type": "shop.StockException"},
])  # fmt: skip
def test_exceptions_in_json(content):
    """A logger's object for an exception counts at any depth."""
    assert "exception" in extract(json.dumps(content)).signals


@pytest.mark.parametrize("content", [
    {"stack": "prod", "error": None}, {"exc_info": "NoneType: None"}, {"exc_info": None, "stack": [], "error": {}}, {"errors": 0, "error": False},
    {"stackTrace": "", "error.type": ""}, {"record": {"exception": None}},
])  # fmt: skip
def test_json_without_an_exception(content):
    """Empty values, names and counts are none."""
    assert extract(json.dumps({"message": "done", **content})).signals == ()


@pytest.mark.parametrize(("kind", "signals"), [("Runtime.ExitError", ("crash",)), ("Runtime.OutOfMemory", ("crash", "out-of-memory")),
                                               ("Sandbox.Timedout", ("timeout",)), ("KeyError", ("exception",))])  # fmt: skip
def test_lambdas_own_error_types(kind, signals):
    """Lambda gives an invocation that ended without an exception an error type of its own."""
    assert extract(json.dumps({"errorType": kind, "errorMessage": "RequestId: x Error: gone"})).signals == signals


@pytest.mark.parametrize("level", [{}, {"level": "INFO"}])
def test_what_a_callee_answered_is_a_payload(level):
    """The error of an invoked function in a line that reports none is that function's; an Error that Node.js logs as the message is the line's."""
    error = {"errorMessage": "no", "errorType": "ValueError", "stackTrace": ["a.py"]}
    assert extract(json.dumps({**level, "message": {"note": "x", "response": error}})).signals == ("error-payload",)
    own = {"errorType": "StockError", "errorMessage": "no", "stackTrace": ["StockError: no"]}
    assert "exception" in extract(json.dumps({**level, "message": own})).signals


def test_the_excerpt_names_the_exception():
    """An exception below the top of a JSON line is shown by its own first line."""
    assert extract(json.dumps({"err": {"stack": "StockError: no\n    at take (/i.js:3:1)"}, "msg": "failed"})).excerpt == "StockError: no"
