"""AWS: what boto3's clients of X-Ray, SNS and SQS answer to a worker: from memory, or that the service is away."""

import json
import os
import random
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError, EndpointConnectionError

from chaos.conditions import Conditions
from chaos.fuse import Fuse
from pipeline.alert.grouping import Notification, PendingAlert
from pipeline.model.trace_ids import parse_trace_id

_THROTTLED: Final = 0.02
_UNPROCESSED: Final = 0.02
_ANSWER_LOST: Final = 0.05
# seconds; a trace without any segment is given up 600 s after its last line
_OLD: Final = 500


class Notebook:
    """Notes which alerts a job told, and whether it then marked them as sent, in a file that outlives the worker."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.job = 0

    def told(self, notification: Notification) -> None:
        """Notes that SNS took a message."""
        self._write({"told": [[alert.trace_id, rule, alert.group] for alert in notification.alerts for rule in alert.rules]})

    def marked(self, alerts: Sequence[PendingAlert]) -> None:
        """Notes that these alerts are marked as sent."""
        self._write({"marked": [[alert.trace_id, rule, alert.group] for alert in alerts for rule in alert.rules]})

    def _write(self, note: Mapping[str, object]) -> None:
        os.write(self._file, json.dumps({"job": self.job} | dict(note)).encode() + b"\n")


class Clients:
    """Makes stand-ins for boto3's clients.

    Args:
        conditions: which service is away.
        segments: X-Ray's segment documents, by trace id.
        fuse: of the worker.
        notebook: notes what SNS took.
        faulty: whether X-Ray throttles and leaves ids unprocessed, and SNS' answer may get lost.

    Attributes:
        sent: the bodies of the messages that SQS took since the list was last emptied.
        aside: those that the dead-letter queue took.
        notification: the one that is told next.
    """

    def __init__(self, conditions: Conditions, segments: Mapping[str, tuple[str, ...]], fuse: Fuse, notebook: Notebook, *,
                 faulty: bool) -> None:  # fmt: skip
        self.sent: list[str] = []
        self.aside: list[str] = []
        self.notification: Notification | None = None
        self.fuse, self.notebook, self.conditions, self.segments = fuse, notebook, conditions, segments
        self.rng = random.Random(os.getpid()) if faulty else None

    def client(self, service: str, **_: object) -> Any:
        """Stands for `boto3.client`."""
        return {"xray": _XRay, "sns": _Sns, "sqs": _Sqs}[service](self)

    def chance(self, share: float) -> bool:
        """Whether a fault of this share happens now."""
        return bool(self.rng and self.conditions["faults_on"] and self.rng.random() < share)


class _XRay:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def get_trace_segment_destination(self) -> dict[str, Any]:
        return self._clients.fuse.through(lambda: self._checked({"Destination": "XRay", "Status": "ACTIVE"}))

    def batch_get_traces(self, **request: Any) -> dict[str, Any]:
        return self._clients.fuse.through(lambda: self._checked(self._traces(request["TraceIds"])))

    def _checked(self, answer: dict[str, Any]) -> dict[str, Any]:
        conditions = self._clients.conditions
        if conditions["xray_away"]:
            raise EndpointConnectionError(endpoint_url="https://xray.example")
        if conditions["xray_denied"]:
            raise _error("AccessDeniedException", "BatchGetTraces")
        if self._clients.chance(_THROTTLED):
            raise _error("ThrottlingException", "BatchGetTraces")
        return answer

    def _traces(self, ids: Sequence[str]) -> dict[str, Any]:
        unprocessed = [id_ for id_ in ids if self._clients.chance(_UNPROCESSED)]
        traces = [{"Id": id_, "Segments": [{"Id": json.loads(document)["id"], "Document": document} for document in self._documents(id_)]}
                  for id_ in ids if id_ not in unprocessed]  # fmt: skip
        return {"Traces": [trace for trace in traces if trace["Segments"]], "UnprocessedTraceIds": unprocessed}

    def _documents(self, id_: str) -> tuple[str, ...]:
        # a trace shows whole or not at all: what a look-up found whole is not asked for again; nor is a trace that is old, and absent
        conditions = self._clients.conditions
        old = conditions.now() - int(id_[2:10], 16) > _OLD
        shown = old or zlib.crc32(id_.encode()) % 1000 < 1000 * conditions["revealed"]
        return self._clients.segments.get(parse_trace_id(id_) or "", ()) if shown else ()


class _Sns:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def publish(self, **_: object) -> None:
        self._clients.fuse.through(self._publish)

    def _publish(self) -> None:
        if self._clients.conditions["sns_away"]:
            raise EndpointConnectionError(endpoint_url="https://sns.example")
        if self._clients.notification:
            self._clients.notebook.told(self._clients.notification)
        if self._clients.chance(_ANSWER_LOST):
            raise EndpointConnectionError(endpoint_url="https://sns.example")


class _Sqs:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        return self._clients.fuse.through(lambda: self._send(**request))

    def _send(self, **request: Any) -> dict[str, Any]:
        if self._clients.conditions["sqs_away"]:
            raise EndpointConnectionError(endpoint_url="https://sqs.example")
        into = self._clients.aside if str(request["QueueUrl"]).endswith("dead-letters") else self._clients.sent
        into += [entry["MessageBody"] for entry in request["Entries"]]
        return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]]}


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)
