"""Tenant ids: reads the tenant that a line or a platform event names.

Source: AWS Lambda developer guide, "Monitoring Lambda functions with tenant isolation" (`tenantId` of lines in the JSON log format and of
platform events), "Configuring tenant isolation" (its characters, 256 at most).
"""

from typing import Final

from pipeline.model.json_values import as_text

_LONGEST: Final = 256
_LARGEST: Final = 2**63


def tenant_id_of(value: object) -> str | None:
    """The tenant id that ``value`` is, text or a whole number; None if it is none, such as one longer than Lambda allows."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST:
        return str(value)
    text = as_text(value).strip() if isinstance(value, str) else ""
    return text if 0 < len(text) <= _LONGEST else None
