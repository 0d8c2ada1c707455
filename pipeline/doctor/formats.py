"""Formats: checks that logs hold the ids that join them: Lambda's log levels, API Gateway's access logs and tracing."""

import json
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from pipeline.doctor.account import MOST_CALLS
from pipeline.doctor.check import Check
from pipeline.doctor.check_result import CheckResult, unknown, warning
from pipeline.doctor.resources import Function, Stack, Stage
from pipeline.doctor.shell_commands import aws
from pipeline.model.log_groups import API_GATEWAY_LOG_GROUPS, writer_of

_ENDS: Final = {
    "httpMethod": "httpMethod", "status": "status", "integrationStatus": "integration.integrationStatus",
    "integrationLatency": "integration.latency", "responseLatency": "responseLatency", "errorMessage": "error.message",
}  # fmt: skip
_IDS: Final = {"requestId": "requestId", "integrationRequestId": "integration.requestId"}
_REST_FIELDS: Final = {
    "requestId": "requestId", "extendedRequestId": "extendedRequestId", "xrayTraceId": "xrayTraceId",
    "integrationRequestId": "integration.requestId", "httpMethod": "httpMethod", "resourcePath": "resourcePath", "status": "status",
    **_ENDS, "integrationError": "integration.error", "ip": "identity.sourceIp",
}  # fmt: skip
_HTTP_FIELDS: Final = {
    **_IDS, "httpMethod": "httpMethod", "routeKey": "routeKey", **_ENDS, "integrationErrorMessage": "integrationErrorMessage",
    "ip": "identity.sourceIp",
}  # fmt: skip
# each of these variables is Lambda's request id (API Gateway developer guide, "Variables for access logging")
_INTEGRATION: Final = ("integration.requestId", "awsEndpointRequestId")
_NEEDED: Final = {"REST": (("requestId",), ("xrayTraceId",), _INTEGRATION), "HTTP": (("requestId",), _INTEGRATION)}


def access_log_format(kind: str) -> str:
    """The access log format of docs/api-gateway.md, as JSON text; ``kind`` is REST or HTTP."""
    fields = _REST_FIELDS if kind == "REST" else _HTTP_FIELDS
    return json.dumps({key: f"$context.{value}" for key, value in fields.items()}, separators=(",", ":"))


def levels(region: str, functions: Sequence[Function], groups: Collection[str]) -> Iterator[CheckResult]:
    """Warns of shipped functions with JSON logs whose log levels drop platform.report or error lines."""
    for function in functions:
        if function.log_format != "JSON" or function.log_group not in groups or function.is_pipeline:
            continue
        # platform.report and platform.start are of level INFO (AWS Lambda developer guide, "Log-level filtering")
        if function.system_level not in {"", "DEBUG", "INFO"}:
            dropped = f"its system log level is {function.system_level}, so there is no platform.report"
            message = f"{dropped}: its requests can't be joined with their traces"
            yield warning(function.name, message, _logging(region, function.name, "SystemLogLevel=INFO"))
        if function.application_level == "FATAL":
            message = "its application log level is FATAL, so its error lines are thrown away before they can be shipped"
            yield warning(function.name, message, _logging(region, function.name, "ApplicationLogLevel=INFO"))


def access_logs(stack: Stack, stages: Sequence[Stage], groups: Collection[str],
                api_gateway: Sequence[str] = API_GATEWAY_LOG_GROUPS) -> Iterator[CheckResult]:  # fmt: skip
    """Warns of stages without an access log, and of those whose shipped access log lacks ids or is not taken for API Gateway's.

    Args:
        stack: the stack.
        stages: the stages of all APIs of one kind.
        groups: the names of the log groups that are shipped.
        api_gateway: the names of API Gateway's log groups, with `*`, as ship knows them.
    """
    for stage in stages:
        if not stage.log_group:
            where = f"its access log goes to {stage.destination}" if stage.destination else "it has no access log"
            message = f"{where}: nothing in CloudWatch Logs joins the API's request id with the function's"
            yield warning(stage.title, message, _turn_on(stack, stage))
        elif stage.log_group in groups and (lacking := lacks(stage)):
            message = f"its access log lacks {', '.join(lacking)}" if lacking != ["JSON"] else "the format of its access log is no JSON"
            yield warning(stage.title, message, _reformat(stack, stage))
        elif stage.log_group in groups and writer_of(stage.log_group, "", api_gateway) != "api-gateway":
            message = f"ship does not take {stage.log_group} for a log group of API Gateway, so its statuses and ids prove nothing"
            names = ",".join((*api_gateway, stage.log_group))
            yield warning(stage.title, message, f"sam deploy --parameter-overrides {shlex.quote(f'ApiGatewayLogGroups={names}')}")
    of_kind = [stage.kind for stage in stages]
    for kind in ("REST", "HTTP"):
        if len({stage.api_id for stage in stages if stage.kind == kind}) >= MOST_CALLS:
            yield unknown(f"{kind} APIs", f"only the first {MOST_CALLS} were looked at ({of_kind.count(kind)} stages)")


def lacks(stage: Stage) -> list[str]:
    """The variables that docs/api-gateway.md needs and the stage's format lacks; `JSON` where the format is no JSON object."""
    if not stage.format.strip().startswith("{"):
        return ["JSON"]
    named = set(re.findall(r"\$context\.([\w.]+)", stage.format))
    return [f"$context.{names[0]}" for names in _NEEDED[stage.kind] if named.isdisjoint(names)]


def rest_tracing(region: str, stages: Sequence[Stage]) -> Iterator[CheckResult]:
    """Warns of REST stages that X-Ray does not trace."""
    for stage in stages:
        if not stage.tracing:
            patch = {"op": "replace", "path": "/tracingEnabled", "value": "true"}
            message = "X-Ray tracing is off for this stage: traces begin behind it, and what the client was told is not known"
            yield warning(stage.title, message, _patch(region, stage, [patch]))


def _logging(region: str, name: str, level: str) -> str:
    return aws(region, "lambda", "update-function-configuration", "--function-name", name, "--logging-config", f"LogFormat=JSON,{level}")


def _turn_on(stack: Stack, stage: Stage) -> str:
    group = f"/aws/apigateway/{stage.api_id}/{stage.name.replace('$', '')}"
    make = aws(stack.region, "logs", "create-log-group", "--log-group-name", group)
    arn = stack.log_group_arn(group)
    if stage.kind == "HTTP":
        return f"{make} && {_settings(stack.region, stage, arn)}"
    destination = {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": arn}
    return f"{make} && {_patch(stack.region, stage, [destination, _format_patch(stage)])}"


def _reformat(stack: Stack, stage: Stage) -> str:
    if stage.kind == "HTTP":
        return _settings(stack.region, stage, stage.destination)
    return _patch(stack.region, stage, [_format_patch(stage)])


def _format_patch(stage: Stage) -> dict[str, str]:
    return {"op": "replace", "path": "/accessLogSettings/format", "value": access_log_format(stage.kind)}


def _patch(region: str, stage: Stage, patches: Sequence[Mapping[str, str]]) -> str:
    return aws(region, "apigateway", "update-stage", "--rest-api-id", stage.api_id, "--stage-name", stage.name,
               "--patch-operations", json.dumps(patches))  # fmt: skip


def _settings(region: str, stage: Stage, destination: str) -> str:
    settings = {"DestinationArn": destination, "Format": access_log_format("HTTP")}
    return aws(region, "apigatewayv2", "update-stage", "--api-id", stage.api_id, "--stage-name", stage.name,
               "--access-log-settings", json.dumps(settings))  # fmt: skip


CHECKS: Final = (
    Check("format-function", "No function that is shipped keeps its platform.report or its error lines back.",
          lambda it: levels(it.region, it.functions(), it.subscribed_names())),
    Check("format-rest-stage", "Every stage of a REST API has an access log with the ids that join.",
          lambda it: access_logs(it.stack(), it.rest_stages(), it.subscribed_names(), it.settings().api_gateway_log_groups)),
    Check("format-http-stage", "Every stage of an HTTP API has an access log with the ids that join.",
          lambda it: access_logs(it.stack(), it.http_stages(), it.subscribed_names(), it.settings().api_gateway_log_groups)),
    Check("tracing-rest-stage", "Every stage of a REST API is traced by X-Ray.",
          lambda it: rest_tracing(it.stack().region, it.rest_stages())),
)  # fmt: skip
