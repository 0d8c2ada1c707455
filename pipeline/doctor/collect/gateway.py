"""Gateway: reads the stages of API Gateway's REST and HTTP APIs."""

from collections.abc import Iterator
from typing import Any, Final

from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.resources import Stage

_GONE: Final = ("NotFoundException",)


def read_rest_stages(calls: Calls, most: int) -> tuple[Stage, ...]:
    """The stages of the first ``most`` REST APIs; one call per five hundred APIs, and one per API."""
    return tuple(stage for api in _first(calls.pages("apigateway", "get_rest_apis", "items"), most) for stage in _rest(calls, api))


def read_http_stages(calls: Calls, most: int) -> tuple[Stage, ...]:
    """The stages of the first ``most`` HTTP APIs; one call per API."""
    listed = (api for api in calls.pages("apigatewayv2", "get_apis", "Items") if api.get("ProtocolType") == "HTTP")
    return tuple(stage for api in _first(listed, most) for stage in _http(calls, api))


def _first(entries: Iterator[Any], most: int) -> Iterator[Any]:
    yield from (entry for _, entry in zip(range(most), entries, strict=False))


def _rest(calls: Calls, api: dict[str, Any]) -> Iterator[Stage]:
    answer = calls.find("apigateway", "get_stages", _GONE, restApiId=api["id"]) or {}
    for stage in answer.get("item", ()):
        access = stage.get("accessLogSettings") or {}
        yield Stage(kind="REST", api_id=api["id"], api_name=api.get("name", ""), name=stage["stageName"],
                    destination=access.get("destinationArn") or "", format=access.get("format") or "",
                    tracing=bool(stage.get("tracingEnabled")))  # fmt: skip


def _http(calls: Calls, api: dict[str, Any]) -> Iterator[Stage]:
    answer = calls.find("apigatewayv2", "get_stages", _GONE, ApiId=api["ApiId"]) or {}
    for stage in answer.get("Items", ()):
        access = stage.get("AccessLogSettings") or {}
        yield Stage(kind="HTTP", api_id=api["ApiId"], api_name=api.get("Name", ""), name=stage["StageName"],
                    destination=access.get("DestinationArn") or "", format=access.get("Format") or "")  # fmt: skip
