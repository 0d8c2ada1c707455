"""Marks: the prefilter's expressions for lines with a rare kind of level, an exception, or JSON behind a runtime's prefix.

Every line of such a kind matches at least one expression of its purpose; the modules that examine marked lines decide. The expressions have
a module of their own, since most batches hold no such line, and a cold start should not compile what those modules need.
"""

from typing import Final

from pipeline.logs.extract.error_payload_patterns import ERROR_PAYLOADS

TEXT_LEVELS: Final = (
    # [error], [core:error], <warn>, level column; error: at the beginning or after a time; words in capitals are found without a mark
    (
        r"(?:[Ee]rr(?:or)?|eror|[Ww]arn(?:ing)?|[Ii]nfo(?:rmation)?|[Dd]ebug|dbug|trce|[Tt]race|[Vv]erbose|[Nn]ot(?:ic)?e|[Ff]ail|[Cc]rit(?:ical)?"
        r"|[Ff]atal|[Ss]evere|[Aa]lert|d?[Pp]anic|[Ee]merg(?:ency)?)\s*[:\]>\t]"
    ),
    # level=error, severity: "error"; logfmt, Node's rendering of an object
    "(?:[lL]evel|lvl|[sS]everity|levelname) ?[=:]",
    # zerolog, Serilog, logrus, log15, Postgres
    *(rf"[\s\[|]{word}[ \t\]|\[]" for word in ("TRC", "VRB", "DBG", "INF", "WRN", "ERR", "FTL", "PNC", "ERRO", "FATA")),
    r"(?:EROR|ERRO|FATA|PANI|CRIT|LOG|PANIC|ALERT|EMERG)[:\]\[]",
    # klog, syslog, java.util.logging
    r"\.(?:go|cc|cpp|c|h|py|rs):\d+\]",
    r"(?:^|\n)<\d",
    r"[a-z] \d\d?, 20\d\d \d",
    r"\x1b\[",
)
"""Hyperscan expressions: every text line whose level stands in another form than that of Lambda's runtimes or a word in capitals."""

JSON_LEVELS: Final = (
    r'"(?:log[._-]?[lL]evel|[lL]evel_?[nN]ame|LogLevel|LEVEL|@l|@level|lvl|[sS]Level|levelno|logLevelName|PRIORITY)"\s*:',
    r'"(?:[sS]everity_?(?:[nN]umber|Text)|Severity|SEVERITY)"\s*:',
    # an object; keys that tell what a number means: Monolog, GELF, syslog
    r'"level":\{',
    r'"level": \{',
    r'"log"\s*:\s*\{',
    *(f'"{key}"' for key in ("channel", "datetime", "short_message", "facility")),
)
"""Hyperscan expressions: every JSON line whose level has a rare key, is an object, or is a number of syslog or Monolog."""

EXCEPTIONS: Final = (
    r"Traceback \(most recent", "Exception in thread", "Invoke Error", r"Uncaught \S", r"Unhandled (?:[eE]xception|Promise)",
    r"[\n\r][ \t]+at \S", r"\\n(?:\\t| +)at \S",
    # the class of an exception; an expression must not end in white space, which may be the end of the line
    r"[A-Za-z\d.](?:Exception|Error|Throwable|Failure|Fault)", r"(?:^|[\nm])Error: ",
    # Go, Rust, Ruby, PHP, Elixir and Erlang, C++
    "panic: ", "panic (?:serving|recovered)", r"in a panic", r"goroutine \d+ \[", "panicked at ", r"\.rb:\d+:in ",
    "(?:[Ff]atal|Parse) error: ", r"Stack trace:", r"\[stacktrace\]", r"\*\* \(", "(?:ERROR|CRASH) REPORT=", "terminate called after",
    # the end of a process, of its memory, of its time
    r"Node\.js v\d", "Segmentation fault", "core dumped", "Runtime exited", "Process exited before", "Unknown application error",
    "OutOfMemory", "out of memory", "bytes exhausted", "MemoryError", "memory allocation of", "Task timed out after",
    # keys of JSON
    r'"(?:\w+\.)?(?:[sS]tack(?:_?[tT]race)?|traceback|exc_info|exc_text|extendedStackTrace|Exception|@x)"\s*:\s*["\[]',
    r'"(?:error|exception)\.type"\s*:\s*"', r'"errorType"\s*:\s*"',
)  # fmt: skip
"""Hyperscan expressions: every line that may show an exception or the end of a process in any runtime's form."""

BEHIND_PREFIX: Final = (r"\t\{", r":\d\d \{\"")
"""Hyperscan expressions: every text line in which JSON follows a runtime's or a logger's prefix."""

PAYLOADS, LEVELS, FAILURES, PREFIXED = "payloads", "levels", "exceptions", "prefixed"
EXPRESSIONS: Final = {PAYLOADS: ERROR_PAYLOADS, LEVELS: (*TEXT_LEVELS, *JSON_LEVELS), FAILURES: EXCEPTIONS, PREFIXED: BEHIND_PREFIX}
"""The expressions by purpose."""
