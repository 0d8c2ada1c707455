from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000_000


def iso_millis(at: int) -> str:
    """Milliseconds since the epoch as ISO 8601, UTC."""
    return (_EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def millis_of(timestamp: str) -> int:
    """An ISO time as milliseconds since the epoch, UTC."""
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)


def iso_nanos(nanos: int) -> str:
    """Nanoseconds since the epoch as ISO 8601 with nine digits, UTC."""
    seconds, rest = divmod(nanos, _SECOND)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
