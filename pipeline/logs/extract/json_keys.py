"""JSON keys: decodes those keys of a JSON line that a reader wants, whatever the values of its other keys are."""

import re
from contextlib import suppress
from typing import Final, TypeVar

import msgspec

DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What msgspec raises for a text that is no JSON."""

Keys = TypeVar("Keys", bound=msgspec.Struct)

_HALF_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}")


def without_half_pairs(message: str) -> str:
    """Returns ``message`` with U+FFFD for each half of a surrogate pair, which some loggers write and UTF-8 can't hold."""
    return _HALF_PAIR.sub(r"\\ufffd", message) if "\\ud" in message.lower() else message


def decode_keys(decoder: msgspec.json.Decoder[Keys], message: str | msgspec.Raw) -> Keys:
    """Reads the wanted keys of a JSON object, and leaves out those that hold a number that Python does not take, such as 1e400.

    Args:
        decoder: of a struct whose fields all have a default.
        message: the JSON text.

    Raises one of `DECODE_ERRORS` where ``message`` is no JSON object.
    """
    try:
        return decoder.decode(message)
    except msgspec.ValidationError:
        values = msgspec.json.decode(message, type=dict[str, msgspec.Raw])
        keys: Keys = decoder.type()
        for field in msgspec.structs.fields(decoder.type):
            if field.encode_name in values:
                with suppress(*DECODE_ERRORS):
                    setattr(keys, field.name, msgspec.json.decode(values[field.encode_name], type=field.type))
        return keys


def decode_part(decoder: msgspec.json.Decoder[Keys], content: str | msgspec.Raw) -> Keys:
    """Reads like `decode_keys`; where ``content`` is absent or no JSON object, every key has its default."""
    try:
        return decode_keys(decoder, content)
    except DECODE_ERRORS:
        keys: Keys = decoder.type()
        return keys
