"""Writer keys: decodes all keys of a JSON line at once, those that are read by their type, the others as they are written.

A writer's lines have the same few keys in the same order. So each writer gets a struct of its own, made of the keys that its lines showed:
to fill that costs no more than to read the frequent keys alone, a third of what a dictionary does. A line of other keys is decoded slowly
once; they are in the writer's struct then.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import UNSET

from pipeline.logs.extract.json_keys import decode_keys

_key = msgspec.field

BEGINNING: Final = len('{"level":')
"""The length of what tells writers apart, the beginning of a line."""

# what is beyond goes the slow way: to look for a key costs time in proportion to their number
_MOST_WRITERS: Final = 64
_MOST_KEYS: Final = 96
_LONGEST_KEY: Final = 64
_OF_ANY_TYPE: Final = frozenset({
    "message", "timestamp", "service", "http_method", "resource_path", "route_key", "http_method_snake", "status",
})  # fmt: skip


class FrequentKeys(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """The keys of most lines of Powertools, Lambda, API Gateway and OpenTelemetry; None where a line lacks one."""

    level: str | int | None = None
    message: Any = None
    timestamp: Any = None
    service: Any = None
    function_name: str | None = None
    function_request_id: str | None = None
    correlation_id: str | None = None
    xray_trace_id: str | None = None
    request_id_camel: str | None = _key(name="requestId", default=None)
    xray_trace_id_camel: str | None = _key(name="xrayTraceId", default=None)
    http_method: Any = _key(name="httpMethod", default=None)
    resource_path: Any = _key(name="resourcePath", default=None)
    route_key: Any = _key(name="routeKey", default=None)
    http_method_snake: Any = _key(name="http_method", default=None)
    integration_request_id: str | None = _key(name="integrationRequestId", default=None)
    status: Any = None
    trace_id_camel: str | None = _key(name="traceId", default=None)
    correlation_id_camel: str | None = _key(name="correlationId", default=None)


FREQUENT: Final = {field.encode_name: field for field in msgspec.structs.fields(FrequentKeys)}
"""The fields of `FrequentKeys` by the key that they hold."""


class WriterKeys(dict[str, Callable[[str], FrequentKeys]]):
    """The function that decodes a writer's lines, by the beginning of its lines.

    It raises msgspec.ValidationError where a line has a key that was not learned, or a value of another type under a frequent key. A null
    under a frequent key is left out, since OpenSearch indexes none.

    Args:
        wanted: further keys whose values are decoded.
    """

    def __init__(self, wanted: frozenset[str]) -> None:
        super().__init__()
        self._wanted = wanted
        self._known: dict[str, list[str]] = {}

    def __missing__(self, beginning: str) -> Callable[[str], FrequentKeys]:
        """Raises msgspec.ValidationError: no line of the writer was learned."""
        raise msgspec.ValidationError(beginning)

    def learn(self, message: str) -> FrequentKeys | None:
        """Adds the keys of a JSON line to those of its writer, and returns them; None if that can't be, or a value has another type.

        Raises what msgspec raises for a text that is no JSON object.
        """
        beginning = message[:BEGINNING]
        own = msgspec.json.decode(message, type=dict[str, msgspec.Raw])
        known = self._known.get(beginning, [])
        # a line's keys keep their order, whatever is learned later; a new writer's are read fastest in that of its lines
        keys = list(dict.fromkeys((*known, *own) if known else (*own, *FREQUENT)))
        if len(keys) > _MOST_KEYS or max(map(len, own), default=0) > _LONGEST_KEY or not (known or len(self) < _MOST_WRITERS):
            return None
        try:
            if keys != known:
                self[beginning] = self._decoder(keys)
                self._known[beginning] = keys
            return self[beginning](message)
        except (msgspec.ValidationError, ValueError):
            # a value of another type, or a key that cannot be the name of a field, such as one with a quote
            return None

    def _decoder(self, keys: list[str]) -> Callable[[str], FrequentKeys]:
        """Returns the function for lines of no other keys than these; it is fastest where they come in this order."""
        fields: list[tuple[str, Any, Any]] = []
        for number, key in enumerate(keys):
            field = FREQUENT.get(key)
            kind = field.type if field else Any if key in self._wanted else msgspec.Raw | msgspec.UnsetType
            name, default = (field.name, None) if field else (f"other_{number}", UNSET)
            fields.append((name, kind, _key(name=key, default=default)))
        struct: Any = msgspec.defstruct("Keys", fields, gc=False, forbid_unknown_fields=True, omit_defaults=True)
        # a number with a fraction or an exponent stays as it is written
        decode: Callable[[str], FrequentKeys] = msgspec.json.Decoder(struct, float_hook=msgspec.Raw).decode
        return decode


def decode_leniently(message: str) -> FrequentKeys:
    """The frequent keys of a JSON line, without those whose value has an unexpected type.

    Raises what msgspec raises for a text that is no JSON object.
    """
    lenient = decode_keys(_lenient_decoder(), message)
    values = {name: getattr(lenient, name) for name in FrequentKeys.__struct_fields__}
    return FrequentKeys(**{
        name: value for name, value in values.items()
        if name in _OF_ANY_TYPE or isinstance(value, str) or (name == "level" and isinstance(value, int))
    })  # fmt: skip


@cache
def _lenient_decoder() -> msgspec.json.Decoder[Any]:
    """A decoder of the frequent keys with any type. It is made on first use: a cold start should not wait for it."""
    fields = [(field.name, Any, _key(name=key, default=None)) for key, field in FREQUENT.items()]
    return msgspec.json.Decoder(msgspec.defstruct("_Lenient", fields, gc=False))
