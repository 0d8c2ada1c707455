"""Functions: reads Lambda functions, their reserved concurrency and their resource policies."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.resources import Function, Permission

_GONE = ("ResourceNotFoundException",)


def read_functions(calls: Calls) -> tuple[Function, ...]:
    """Every function of the region, without its state; one call per fifty."""
    return tuple(map(_function, calls.pages("lambda", "list_functions", "Functions")))


def read_function(calls: Calls, name: str) -> Function | None:
    """The function ``name`` with its state; None where it does not exist."""
    found = calls.find("lambda", "get_function_configuration", _GONE, FunctionName=name)
    return _function(found) if found else None


def read_reserved(calls: Calls, name: str) -> int | None:
    """The reserved concurrency of the function ``name``; None where nothing is reserved or the function does not exist."""
    found = calls.find("lambda", "get_function_concurrency", _GONE, FunctionName=name) or {}
    reserved: int | None = found.get("ReservedConcurrentExecutions")
    return reserved


def read_permissions(calls: Calls, name: str) -> tuple[Permission, ...]:
    """The services that the resource policy of the function ``name`` lets invoke it."""
    found = calls.find("lambda", "get_policy", _GONE, FunctionName=name)
    return tuple(permissions_of(json.loads(found["Policy"]))) if found else ()


def permissions_of(policy: Mapping[str, Any]) -> Iterator[Permission]:
    """The Permissions in a resource policy, as Lambda's AddPermission writes it: one per service and source ARN."""
    for statement in _listed(policy.get("Statement")):
        principal = statement.get("Principal")
        services = _listed(principal.get("Service")) if isinstance(principal, Mapping) else []
        actions = {action.lower() for action in _listed(statement.get("Action"))}
        if statement.get("Effect") != "Allow" or actions.isdisjoint({"lambda:invokefunction", "lambda:*", "*"}):
            continue
        conditions = {key.lower(): value for entry in (statement.get("Condition") or {}).values() for key, value in entry.items()}
        for service in services:
            for arn in _listed(conditions.get("aws:sourcearn")) or [""]:
                yield Permission(service=service, source_arn=arn, source_account=str(conditions.get("aws:sourceaccount") or ""))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _function(raw: Mapping[str, Any]) -> Function:
    logging = raw.get("LoggingConfig") or {}
    name = raw["FunctionName"]
    return Function(
        name=name,
        # Lambda's defaults (AWS Lambda API reference, LoggingConfig)
        log_group=logging.get("LogGroup") or f"/aws/lambda/{name}",
        tracing=(raw.get("TracingConfig") or {}).get("Mode") or "PassThrough",
        log_format=logging.get("LogFormat") or "Text",
        system_level=logging.get("SystemLogLevel") or "",
        application_level=logging.get("ApplicationLogLevel") or "",
        environment=(raw.get("Environment") or {}).get("Variables") or {},
        memory_mb=int(raw.get("MemorySize") or 128),
        state=raw.get("State") or "",
        reason=raw.get("StateReason") or raw.get("LastUpdateStatusReason") or "",
    )
