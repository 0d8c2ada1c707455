"""Logger prefix: reads the request id that a logger writes before the message of a text line.

Sources: AWS Lambda developer guide (Log4j's pattern with %X{AWSRequestId}; Ruby's log format), bref (errors of an invocation), AWS AppSync
developer guide ("Log type and logging levels": request-level lines).
"""

import re

from pipeline.logs.extract.log_line import LoggerLine, LogLine
from pipeline.model.trace_ids import UUID

# bref: the id and a tab; AppSync: the id and words such as "Begin Request"
_ID_FIRST = re.compile(rf"({UUID})(?:(\t)| (?=[A-Z]))", re.IGNORECASE)
# Log4j and Logback: the date, then perhaps a level or a thread, then the id
_DATE_FIRST = re.compile(
    r"\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?"
    rf"(?:[\s|,-]{{1,3}}\[?[\w:.#-]{{1,40}}\]?){{0,2}}?[\s|,:-]{{1,3}}[\[<(]?({UUID})(?![\w-])",
    re.IGNORECASE,
)
_RUBY = re.compile(rf"[A-Z], \[\S{{10,40}} #\d{{1,9}}\]\s{{1,4}}[A-Z]{{3,5}} ({UUID}) -- ")


def read_logger_prefix(message: str, first: str) -> LogLine | None:
    """Returns a line with the request id that begins ``message``, whose first character is ``first``; None if it begins with none."""
    line: LogLine | None = None
    if match := _ID_FIRST.match(message):
        # a function may begin a text of its own with some id, too; bref alone puts a tab after it
        line = LoggerLine() if match[2] else LogLine()
    elif match := (_DATE_FIRST if first.isdigit() else _RUBY).match(message):
        line = LoggerLine()
    if match and line:
        line.request_id = match[1].lower()
    return line
