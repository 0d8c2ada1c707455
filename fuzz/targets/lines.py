"""Lines: batches of log messages through reading, correlation, addressing and the facts of their documents, as `ship` and `resolve` do."""

import json
import re
from collections.abc import Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Any, ClassVar, Final

import msgspec

from fuzz.target import Input, Target, hold
from pipeline.logs.decode import LogBatch, LogEvent
from pipeline.logs.document_address import Create
from pipeline.logs.extract.log_line import LogLine
from pipeline.logs.extract.read_lines import extract, read_lines
from pipeline.logs.line_facts import as_logged, facts_of_line, ran_in_other_trace
from pipeline.model.json_values import as_text
from pipeline.settings import Settings
from pipeline.ship import read
from pipeline.store.own_documents import is_own

_MOST: Final = 6
_MOST_DIGITS: Final = 1000
_AT: Final = 1_795_600_000_000
_GROUPS: Final = ("/aws/lambda/orders", "API-Gateway-Execution-Logs_a1b2c3/prod", "/aws/apigateway/orders", "/ecs/checkout")
_TRACE: Final = re.compile(r"[0-9a-f]{32}")
_SPAN: Final = re.compile(r"[0-9a-f]{16}")
_SOURCES: Final = frozenset({"inline", "request", "stream", "none"})
_SETTINGS: Final[Mapping[str, Settings]] = MappingProxyType({
    "default": Settings(),
    "all": Settings(
        api_gateway_log_groups=("/aws/apigateway/*",), correlation_paths=("detail.id", "Records[].body", "a.b"),
        redact_keys=("card-number",), redact_patterns=(r"\b4\d{15}\b",), redact_classes=("credit-cards", "emails", "ip-addresses"),
    ),
    "off": Settings(redact=False),
})  # fmt: skip


class Lines(Target):
    """Batches of one log stream, under three settings."""

    name: ClassVar[str] = "lines"

    def make(self, random: Random) -> Input:
        """A few messages."""
        messages = [self.mutator.mutated(random) for _ in range(random.choice((1, 1, 1, 2, 2, _MOST)))]
        return {"settings": random.choice(("default", "default", "all", "off")), "group": random.choice(_GROUPS), "messages": messages}

    def of_text(self, text: str) -> Input:
        """A batch of one message."""
        return {"settings": "all", "group": _GROUPS[0], "messages": [text]}

    def check(self, given: Input) -> None:
        """Each message becomes one document of valid JSON whose fields keep their form, and a line is read alike alone."""
        raw: list[str] = given["messages"]
        # half a surrogate pair reaches `read_lines` from other callers than `decode`, which replaces it
        messages = [as_text(message) for message in raw]
        if messages != raw:
            read_lines(raw)
        settings = _SETTINGS[given["settings"]]
        batch = LogBatch("DATA_MESSAGE", "123456789012", given["group"], "s", _events(messages))
        parts = read(batch, settings).parts
        hold("each message has one document", len(parts) == 2 * len(messages))
        for action, line in zip(parts[::2], parts[1::2], strict=True):
            assert isinstance(action, Create)
            assert isinstance(line, LogLine)
            _check_document(action.create.id, json.loads(msgspec.json.encode(line), parse_int=_number), settings)
        _check_alone(messages)


def _number(text: str) -> int | str:
    # Python reads no longer number, while OpenSearch refuses it
    return int(text) if len(text) < _MOST_DIGITS else text


def _events(messages: Sequence[str]) -> list[LogEvent]:
    return [LogEvent(str(number), _AT + number, message) for number, message in enumerate(messages)]


def _check_alone(messages: Sequence[str]) -> None:
    if len(messages) > 1:
        _, lines = read_lines(messages)
        alone = extract(messages[0])
        hold("a line is of the same kind alone as among others", type(alone) is type(lines[0]))
        hold("a line is read alike alone and among others", msgspec.json.encode(alone) == msgspec.json.encode(lines[0]))


def _check_document(id_: str, document: dict[str, Any], settings: Settings) -> None:
    """Checks what OpenSearch's mapping and the readers of documents rely on."""
    for name in ("traceId", "staleTraceId"):
        hold(f"{name} is canonical", name not in document or _TRACE.fullmatch(document[name]))
    hold("propagated ids are canonical", all(map(_TRACE.fullmatch, document.get("propagatedTraceId", ()))))
    hold("spanId is canonical", document.get("spanId") is None or _SPAN.fullmatch(document["spanId"]))
    hold("a line is tracejoin's own", is_own(document))
    hold("the id source is a known one", document.get("idSource") in _SOURCES)
    hold("the body is bounded", len(document.get("body", "")) <= settings.max_line_chars)
    hold("correlation ids are short", all(0 < len(found) <= 256 for found in document.get("correlationId", ())))
    hold("attributes are an object", isinstance(document.get("attributes", {}), dict))
    facts_of_line(id_, document)
    facts_of_line(id_, as_logged(document))
    if "staleTraceId" in document:
        ran_in_other_trace(id_, document, document["staleTraceId"])
