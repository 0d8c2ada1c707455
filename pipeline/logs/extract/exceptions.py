r"""Exceptions: finds exceptions and ends of a process in the forms of every runtime, whatever the line's level.

It is imported only for marked lines. A stack trace whose lines are log events of their own shows its exception once, in the line that
begins it: a frame, a cause (``Caused by:``, ``--->``) and the last line of a Python traceback show none by themselves.

Sources: the documentation of the runtimes' own output: Python's traceback, Java's Throwable.printStackTrace, .NET's unhandled exceptions,
Node.js' errors and util.inspect, Go's panics, Rust's panics, Ruby's full_message, PHP's error log, Elixir's Exception.format_banner.
"""

import re
from typing import Final

from pipeline.logs.extract.log_line import JsonLine, LogLine
from pipeline.logs.extract.severity import ERROR_NUMBER
from pipeline.model.facts import Signal

# a message may begin at once, after a tab of a runtime's prefix, or on a line of its own; Lambda's client for Node.js may write \r for \n
_START: Final = r"(?:^|[\n\r\t])(?:\x1b\[[\d;]{0,20}m){0,3}"
_TYPE: Final = r"(?: \[\w{1,60}\]| \(0x[0-9A-Fa-f]{8}\))?"
_END: Final = r"(?:: |\s{0,2}(?:[\n\r]|$))"
_JVM: Final = (
    r"(?:java|javax|jakarta|kotlin|kotlinx|scala|akka|reactor|groovy|sun|jdk|org|com|net|io|software|dev|de|fr|nl|uk|eu|ch|se|no|dk|fi|it|es|pl|"
    r"br|jp|cn|us|ca|au|co|edu|gov|feign|graphql)"
)
_SCRIPT_ERROR: Final = (
    r"(?:cannot (?:read|set|access|destructure|convert|assign|redefine|delete|use|mix)"
    r"|.{1,200} is not (?:a function|a constructor|iterable|defined|valid JSON)|assignment to constant|class constructor"
    r"|(?:invalid or )?unexpected (?:token|end|identifier|string|number|reserved|strict)|missing \)|converting|the \".{1,60}\" argument"
    r"|invalid |reduce of|failed to fetch|fetch failed|terminated)"
)
_EXCEPTIONS: Final = (
    # a frame of Java, .NET or Node.js below another line
    re.compile(r"[\n\r][ \t]{1,16}at (?:async |new )?(?=[^\s(]{0,200}[./<])[^\s(]{1,250}(?: \[as [^\]\n]{1,60}\])? ?\("),
    re.compile(r"[\n\r][ \t]{1,16}at \S[^\n\r]{0,300}?[A-Za-z>]:\d{1,7}:\d{1,7}\b"),
    re.compile(r"Traceback \(most recent call (?:last|first)\)|Exception in thread \"|Exception in thread\b"),
    re.compile(r"\bInvoke Error\b|\b(?:Uncaught Exception|Unhandled Promise Rejection)\s{0,4}[\t:{]"),
    re.compile(r"\bUncaught (?:\(in promise\) )?[\w\\.]{0,100}(?:Error|Exception)\b"),
    re.compile(rf"{_START}Unhandled [eE]xception(?:[.:]\s|\s{{0,2}}$)"),
    # the first line of a stack trace of Java, .NET or Node.js
    re.compile(rf"{_START}{_JVM}(?:\.[a-z_]\w{{0,60}}){{1,10}}\.[A-Z][\w$]{{0,120}}(?:Exception|Error|Throwable|Failure){_END}"),
    re.compile(rf"{_START}[a-z]\w{{0,60}}(?:\.[a-z_]\w{{0,60}}){{0,10}}\.[A-Z][\w$]{{0,120}}Exception{_END}"),
    re.compile(rf"{_START}(?:[A-Z]\w{{0,80}}[.+$]){{1,10}}[A-Z]\w{{0,120}}(?:Exception|Error|Fault){_TYPE}{_END}"),
    re.compile(rf"{_START}[A-Z]\w{{1,120}}Exception{_TYPE}: "),
    re.compile(r"^(?:\x1b\[[\d;]{0,20}m){0,3}Error: "),
    re.compile(rf"{_START}(?:Range|Reference|URI|Eval|Aggregate)Error{_TYPE}{_END}"),
    re.compile(rf"{_START}\w{{0,60}}Error \[ERR_\w{{1,60}}\]: "),
    re.compile(rf"{_START}(?:Type|Syntax)Error: (?i:{_SCRIPT_ERROR})"),
    # Go, Rust
    re.compile(rf"{_START}(?:\d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d )?(?:panic|fatal error): "),
    re.compile(r"\bpanic (?:serving|recovered)\b|\bresulted in a panic\b"),
    re.compile(r"[\n\r]goroutine \d{1,12} \[|^goroutine \d{1,12} \[[^\]\n]{1,80}\]:\n\S"),
    re.compile(r"\bthread '[^'\n]{0,200}' (?:\(\d{1,12}\) )?panicked at "),
    # Ruby, PHP, Elixir, Erlang, C++
    re.compile(r"\.rb:\d{1,7}:in [`'][^\n\r]{1,200}\([A-Z][\w:]{0,120}\)|\n[^\s:]{1,250}\.rb:\d{1,7}:in [`']"),
    re.compile(rf"\bPHP (?:Fatal|Parse|Recoverable fatal) error: |{_START}(?:Fatal|Parse) error: "),
    re.compile(r"\nStack trace:\n#0|\[stacktrace\]\s{0,2}(?:\n|\\n)#0"),
    re.compile(r"(?:^|\n)\*\* \((?:[A-Z][\w.]{0,120}|exit|throw|stop|EXIT[^)\n]{0,80})\)"),
    re.compile(r"=(?:ERROR|CRASH) REPORT==|terminate called after throwing"),
)  # fmt: skip
_CRASH = re.compile(
    r"Runtime exited|Process exited before|Unknown application error occurred|resulted in a panic, the process should exit"
    r"|terminate called after throwing|Segmentation fault|\(core dumped\)|(?:^|\n)Node\.js v\d{1,3}\.\d{1,3}\.\d{1,3}\s{0,4}(?:[\n\r]|$)"
)
_TIMEOUT = re.compile(r"Task timed out after \d{1,6}(?:\.\d{1,4})? seconds")
_OUT_OF_MEMORY = re.compile(
    r"OutOfMemory(?:Error|Exception)?(?:: |[\"']|\s{0,2}(?:[\n\r]|$))|heap out of memory|runtime: out of memory|\(NoMemoryError\)"
    r"|\bAllowed memory size of \d{1,20} bytes exhausted|(?:^|\n)MemoryError(?::|\s{0,2}(?:[\n\r]|$))"
    r"|memory allocation of \d{1,20} bytes failed"
)
# the keys of an exception in JSON, at any depth
_KEY = re.compile(
    r'"(?:\w{1,20}\.)?(?:[sS]tack(?:_?[tT]race)?|traceback|exc_info|exc_text|extendedStackTrace|Exception|@x)"\s{0,4}:\s{0,4}'
    r'(?:"((?:[^"\\]|\\.){1,400})|\[\s{0,8}["{\[])'
    r'|"(?:error|exception)\.type"\s{0,4}:\s{0,4}"([^"\\]{2,200})"'
)
_OWN_ERROR = re.compile(r'"(?:message|msg|reason)"\s{0,4}:\s{0,4}\{[^{}]{0,2000}?"errorType"\s{0,4}:\s{0,4}"')
# Node.js' JSON format writes an Error that a function logs as the message; any other error message below a warning is a callee's payload
_LOGGED_ERROR = re.compile(r'"message"\s{0,4}:\s{0,4}\{\s{0,8}"errorType"')
_STACK = re.compile(r"\\[nrt]|Traceback|[\w.$]{1,200}(?:Exception|Error)\b")
_WARNING_NUMBER = 13
_MOST_KEYS = 20
# what begins later in a long line, such as a dump, is no exception of its own
_MOST_CHARACTERS = 65_536
_LONGEST_EXCERPT = 320


def add_exceptions(line: LogLine, message: str) -> None:
    """Adds to ``line``, read from ``message``, the signals of the exceptions, crashes and timeouts that it shows."""
    json = isinstance(line, JsonLine)
    text = (line.body if json else message)[:_MOST_CHARACTERS]
    signals = list(line.signals)
    is_failure = line.severity is None or line.severity.number >= ERROR_NUMBER
    is_harmless = line.severity is None or line.severity.number < _WARNING_NUMBER
    if is_failure and not json:
        signals += [signal for signal, form in _ENDS if form.search(text)]
    if "exception" not in signals:
        if json and (excerpt := _find_in_json(message[:_MOST_CHARACTERS], is_error=is_failure, is_harmless=is_harmless)) is not None:
            signals.append("exception")
            line.excerpt = line.excerpt or excerpt
        elif any(form.search(text) for form in _EXCEPTIONS):
            signals.append("exception")
    line.signals = tuple(dict.fromkeys(signals))


_ENDS: Final[tuple[tuple[Signal, re.Pattern[str]], ...]] = (("timeout", _TIMEOUT), ("crash", _CRASH), ("out-of-memory", _OUT_OF_MEMORY))


def _find_in_json(message: str, *, is_error: bool, is_harmless: bool) -> str | None:
    """The first line of the stack trace that a JSON ``message`` holds, empty if it shows none; None if it holds no exception."""
    if is_harmless and '"errorMessage"' in message and not _LOGGED_ERROR.search(message):
        return None
    for _, match in zip(range(_MOST_KEYS), _KEY.finditer(message), strict=False):
        stack, kind = match[1], match[2]
        if stack is None or (_STACK.search(stack) and not stack.startswith("NoneType: None")):
            text = (stack or kind or "").replace("\\t", "\t").replace("\\n", "\n").replace('\\"', '"').strip()
            first, _, rest = text.partition("\n")
            # Python's traceback ends with the exception, which may be beyond what was read; the body tells it then
            return "" if first.startswith("Traceback") and rest else first[:_LONGEST_EXCERPT]
    return "" if is_error and _OWN_ERROR.search(message) else None
