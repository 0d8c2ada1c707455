"""Map documents: writes connections down as OpenSearch's two kinds of service map documents. Pure.

The APM's (v2) tell a connection of two nodes and their operations in a period. Trace Analytics' (v1) know no time: one document names who
calls which operation (`destination`), a second one whose operation that is (`target`); Dashboards joins the two by domain and resource.
Sources: Data Prepper, index templates `otel-v1-apm-service-map` and `otel-v2-apm-service-map`, `ServiceMapRelationship` and
`NodeOperationDetail`; dashboards-observability, `services_request_handler.ts` and `ppl_queries.ts`.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import blake2b, md5
from typing import Any, Final

import msgspec

from pipeline.model.timestamps import iso_millis
from pipeline.topology.connections import Connection

_ENVIRONMENT: Final = "generic:default"
"""What Data Prepper calls the environment of a service that names none."""


def connection_document(connection: Connection) -> tuple[str, dict[str, Any]]:
    """Gives the id and the APM's document of a connection; connections that differ in the trace group alone share one."""
    source = {"type": "service", "name": connection.source}
    target = {"type": connection.target_type, "name": connection.target} if connection.target else None
    operations = [connection.source_operation, connection.target_operation]
    document = {
        "sourceNode": _node(**source),
        **({"targetNode": _node(**target)} if target else {}),
        **({"sourceOperation": _operation(operations[0])} if operations[0] else {}),
        **({"targetOperation": _operation(operations[1])} if operations[1] else {}),
        "nodeConnectionHash": _digest([source, target]),
        **({"operationConnectionHash": _digest([source, target, operations])} if any(operations) else {}),
        "timestamp": iso_millis(connection.period),
    }
    return f"{connection.period // 1000}-{_digest([source, target, operations])}", document


def relationships(connection: Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the ids and Trace Analytics' documents of a connection: its two ends, or the service that is connected with nobody.

    An operation that is unknown goes by the name of its service.
    """
    group = connection.trace_group
    if not connection.target:
        yield _relationship(connection, connection.source, "", {}, group)
        return
    end = {"resource": connection.target_operation or connection.target, "domain": connection.target}
    yield _relationship(connection, connection.source, "SPAN_KIND_CLIENT", {"destination": end}, group)
    yield _relationship(connection, connection.target, "SPAN_KIND_SERVER", {"target": end}, group)


def _node(*, type: str, name: str) -> dict[str, Any]:  # noqa: A002
    return {"type": type, "keyAttributes": {"environment": _ENVIRONMENT, "name": name}, "groupByAttributes": {}}


def _operation(name: str) -> dict[str, Any]:
    return {"name": name, "attributes": {}}


def _digest(parts: object) -> str:
    return blake2b(msgspec.json.encode(parts), digest_size=8).hexdigest()


def _relationship(connection: Connection, service: str, kind: str, ends: Mapping[str, Mapping[str, str]],
                  group: str) -> tuple[str, dict[str, Any]]:  # fmt: skip
    said = [",".join((ends[name]["resource"], ends[name]["domain"])) if name in ends else "" for name in ("target", "destination")]
    # as Data Prepper makes it, so that the same relationship has one id, whoever found it
    text = ",".join((service, kind or "null", group or "null", *said))
    id_ = b64encode(md5(text.encode("utf-8", "replace"), usedforsecurity=False).digest()).decode()
    document = {
        "hashId": id_,
        "serviceName": service,
        **({"kind": kind} if kind else {}),
        **ends,
        **({"traceGroupName": group} if group else {}),
        "@timestamp": iso_millis(connection.period),
    }
    return id_, document
