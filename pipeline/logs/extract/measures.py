"""Measures: reads the numbers and the status in Lambda's REPORT, INIT_REPORT and RESTORE_REPORT lines and in its platform events.

Sources: AWS Lambda developer guide, "Telemetry API Event schema reference" (ReportMetrics, InitReportMetrics, RestoreReportMetrics,
RuntimeDoneMetrics), "Monitoring for Lambda SnapStart" (Restore Duration); log events recorded by Datadog's forwarder.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from pipeline.logs.extract.json_keys import decode_part
from pipeline.logs.extract.log_line import MeasuredLine
from pipeline.model.facts import Signal

_key = msgspec.field
_OUT_OF_MEMORY: Final = "Runtime.OutOfMemory"
_STATUS_SIGNALS: Final[Mapping[str, tuple[Signal, ...]]] = {
    "timeout": ("timeout",),
    "error": ("error",),
    "failure": ("error", "crash"),
}
_STATUS: Final = re.compile(r"\sStatus:\s*(\w+)(?:\s+Error Type:\s*([\w.]+))?")
# a name begins after white space; the unit belongs to the match, else "MB" would begin the next name where spaces separate
_MEASURE: Final = re.compile(r"(?<=\s)([A-Z]\w{0,15}(?: [A-Z]\w{0,15}){0,3}):\s{0,4}(\d{1,12}(?:\.\d{1,9})?) (?:ms|MB)\b", re.ASCII)
# the report on a warm invocation that went well: to look for each measure by its name costs five times as much
_USUAL: Final = re.compile(
    r"REPORT RequestId: \S{36}\s{1,8}Duration: (\d{1,9}(?:\.\d{1,9})?) ms\s{1,8}Billed Duration: (\d{1,9}) ms\s{1,8}"
    r"Memory Size: (\d{1,9}) MB\s{1,8}Max Memory Used: (\d{1,9}) MB\s{0,8}(?:XRAY TraceId:|\Z)",
    re.ASCII,
)
# all measures stand before the X-Ray half
_REACH: Final = 1000
_LONGEST_WORD: Final = 64
_MOST: Final = 1e9

_number: Final[Callable[[float], float]] = float
_FIELDS: Final[Mapping[str, tuple[str, Callable[[float], float]]]] = {
    "Duration": ("duration_ms", _number),
    "Billed Duration": ("billed_ms", round),
    "Memory Size": ("memory_mb", round),
    "Max Memory Used": ("max_memory_mb", round),
    "Init Duration": ("init_ms", _number),
    "Restore Duration": ("restore_ms", _number),
}


class _Metrics(msgspec.Struct, gc=False):
    duration: float | None = _key(name="durationMs", default=None)
    billed: float | None = _key(name="billedDurationMs", default=None)
    memory: float | None = _key(name="memorySizeMB", default=None)
    max_memory: float | None = _key(name="maxMemoryUsedMB", default=None)
    init: float | None = _key(name="initDurationMs", default=None)
    restore: float | None = _key(name="restoreDurationMs", default=None)


_metrics: Final = msgspec.json.Decoder(_Metrics)
# what the duration in the metrics of an event is
_DURATIONS: Final = {
    "platform.report": "Duration", "platform.runtimeDone": "Duration", "platform.initReport": "Init Duration",
    "platform.restoreReport": "Restore Duration",
}  # fmt: skip


def read_measures(line: MeasuredLine, message: str) -> None:
    """Sets on ``line`` the numbers that ``message`` names with their unit, as Lambda's text lines do, and the status and its signals."""
    if usual := _USUAL.match(message):
        duration, billed, memory, used = usual.groups()
        line.duration_ms, line.billed_ms, line.memory_mb, line.max_memory_mb = float(duration), int(billed), int(memory), int(used)
        return
    for name, value in _MEASURE.findall(message[:_REACH]):
        _take(line, name, float(value))
    if "Status: " in message and (status := _STATUS.search(message)):
        take_status(line, status[1], status[2] or "")


def read_metrics(line: MeasuredLine, kind: str, metrics: msgspec.Raw) -> None:
    """Sets on ``line`` the numbers in ``metrics``, the encoded metrics of a platform event of this ``kind``; leaves out what is none."""
    if kind not in _DURATIONS:
        return
    found = decode_part(_metrics, metrics)
    _take(line, _DURATIONS[kind], found.duration)
    if kind == "platform.report":
        _take(line, "Billed Duration", found.billed)
        _take(line, "Memory Size", found.memory)
        _take(line, "Max Memory Used", found.max_memory)
        _take(line, "Init Duration", found.init)
        _take(line, "Restore Duration", found.restore)


def note_cold_start(line: MeasuredLine) -> None:
    """Sets on ``line``, the report on an invocation, whether it was a cold start; leaves it unknown where Lambda reports no memory.

    That is so of Lambda Managed Instances, whose reports never tell of an initialization.
    """
    if line.init_ms is not None or line.restore_ms is not None:
        line.cold_start = True
    elif line.memory_mb is not None:
        line.cold_start = False


def take_status(line: MeasuredLine, status: str, error_type: str) -> None:
    """Sets on ``line`` how Lambda says that it ended, with the signals that follow."""
    line.platform_status, line.error_type = status.lower()[:_LONGEST_WORD], error_type[:_LONGEST_WORD]
    line.signals = status_signals(status, error_type)


def status_signals(status: str, error_type: str) -> tuple[Signal, ...]:
    """The signals that follow from the status and error type of a REPORT line or a platform event."""
    signals = _STATUS_SIGNALS.get(status.lower(), ())
    return (*signals, "out-of-memory") if error_type == _OUT_OF_MEMORY else signals


def _take(line: MeasuredLine, name: str, value: float | None) -> None:
    # the first one counts
    if name in _FIELDS and value is not None and 0 <= value <= _MOST:
        field, of = _FIELDS[name]
        if getattr(line, field) is None:
            setattr(line, field, of(value))
