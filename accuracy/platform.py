"""The lines that Lambda itself writes around an invocation, as text and as JSON.

Sources: AWS Lambda developer guide, "Sending Lambda function logs to CloudWatch Logs", "Telemetry API Event schema reference".
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

from accuracy.transaction import Transaction

End = Literal["success", "error", "timeout", "out-of-memory", "crash"]

_EXITS = {"out-of-memory": "signal: killed", "crash": "exit status 1"}
_ERROR_TYPES = {"out-of-memory": "Runtime.OutOfMemory", "crash": "Runtime.ExitError"}
_STATUSES = {"timeout": "timeout", "out-of-memory": "failure", "crash": "failure", "error": "error", "success": "success"}


@dataclass(slots=True)
class Platform:
    """Lambda's voice in one log stream.

    Attributes:
        segment_id: what REPORT names.
        parent_id: of the tracing header.
        terse: only the REPORT line or record tells how it ended, not a line of its own.
    """

    tx: Transaction
    group: str
    request_id: str
    segment_id: str
    parent_id: str
    json: bool
    terse: bool = False

    def start(self, *, cold: bool) -> None:
        """INIT_START, where the environment is new, and START."""
        if self.json:
            if cold:
                self._record(
                    "platform.initStart", {"initializationType": "on-demand", "phase": "init", "runtimeVersion": "python:3.13.v12"}
                )
            self._record("platform.start", {"requestId": self.request_id, "version": "$LATEST", **self._tracing()})
            return
        if cold:
            self._write("INIT_START Runtime Version: python:3.13.v12\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:7b620fc2\n")
        self._write(f"START RequestId: {self.request_id} Version: $LATEST\n")

    def end(self, end: End, seconds: float) -> None:
        """How it ended: a line of its own where it did not come to its end, then END and REPORT, or the records."""
        last_words_first = self.json or self.tx.rng.random() < 0.5
        if last_words_first:
            self._last_words(end)
        if self.json:
            self._records(end, seconds)
        else:
            self._write(f"END RequestId: {self.request_id}\n")
            self._write(self._report(end, seconds))
        if not last_words_first:
            self._last_words(end)

    def _last_words(self, end: End) -> None:
        if self.terse:
            return
        if end == "timeout":
            self._write(f"{self.tx.iso} {self.request_id} Task timed out after 3.00 seconds\n\n")
        elif end in _EXITS:
            self._write(f"RequestId: {self.request_id} Error: Runtime exited with error: {_EXITS[end]}\nRuntime.ExitError\n")

    def _report(self, end: End, seconds: float) -> str:
        status = "Status: timeout\t" if end == "timeout" else f"Status: error\tError Type: {_ERROR_TYPES[end]}\t" if end in _EXITS else ""
        report = (f"REPORT RequestId: {self.request_id}\tDuration: {seconds * 1000:.2f} ms\tBilled Duration: {int(seconds * 1000) + 1} ms\t"
                  f"Memory Size: 128 MB\tMax Memory Used: 72 MB\t{status}\nXRAY TraceId: {self.tx.xray_id}\t"
                  f"SegmentId: {self.segment_id}\tSampled: {str(self.tx.sampled).lower()}\t\n")  # fmt: skip
        return report.replace("\t", "    ") if self.tx.rng.random() < 0.2 else report

    def _records(self, end: End, seconds: float) -> None:
        content: dict[str, Any] = {"requestId": self.request_id, "status": _STATUSES[end]}
        if end in _ERROR_TYPES:
            content["errorType"] = _ERROR_TYPES[end]
        if self.tx.rng.random() < 0.7:
            self._record("platform.runtimeDone", content | self._tracing())
        metrics = {
            "durationMs": round(seconds * 1000, 3),
            "billedDurationMs": int(seconds * 1000) + 1,
            "memorySizeMB": 128,
            "maxMemoryUsedMB": 72,
        }
        self._record("platform.report", content | {"metrics": metrics} | self._tracing())

    def _tracing(self) -> dict[str, Any]:
        header = f"Root={self.tx.xray_id};Parent={self.parent_id};Sampled={int(self.tx.sampled)}"
        return {"tracing": {"spanId": self.segment_id, "type": "X-Amzn-Trace-Id", "value": header}}

    def _record(self, kind: str, content: dict[str, Any]) -> None:
        self._write(json.dumps({"time": self.tx.iso, "type": kind, "record": content}))

    def _write(self, message: str) -> None:
        self.tx.log(self.group, message)
