"""Service names: which services lines and spans are of, and what a name that none of them has may have meant."""

from pipeline.model.close_names import did_you_mean
from pipeline.store.client import Store

_MOST = 1000


def service_names(store: Store) -> list[str]:
    """The names of the services of stored lines and spans, those with the most first, 1,000 at most. Raises what the store raises."""
    return _values("serviceName", store)


def unknown_service(store: Store, name: str) -> str:
    """Says that nothing is stored of the service ``name``, and what is like it; empty where something is, or ``name`` is empty."""
    return _unknown("service", name, service_names(store)) if name else ""


def unknown_function(store: Store, name: str) -> str:
    """Says that nothing is stored of the function or log group ``name``, and what is like it; empty where something is."""
    return _unknown("function", name, [*service_names(store), *_values("aws.logGroup", store)])


def _unknown(what: str, name: str, known: list[str]) -> str:
    if name in known or not known:
        return ""
    return f"nothing is stored of a {what} {name!r}: {did_you_mean(name, known) or '`tracejoin services` lists them'}"


def _values(field: str, store: Store) -> list[str]:
    """The values of a field, those of the most lines and spans first."""
    body = {"size": 0, "aggs": {"names": {"terms": {"field": field, "size": _MOST}}}}
    # without an index there are no aggregations
    found = (store.search(body, index=store.lines_and_spans).get("aggregations") or {}).get("names", {})
    return [str(bucket["key"]) for bucket in found.get("buckets", ())]
