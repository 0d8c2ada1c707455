"""A stack of tracejoin and an application in the local AWS (ministack), with nothing wrong about them.

The template has the logical ids, names, tags and settings of the real one, with functions that do nothing: the doctor reads, and runs none.
"""

import json

from pipeline.doctor.formats import access_log_format
from pipeline.local.environment import local_client
from tests.support.waiting import stack_status

STACK = "joined"
ACCOUNT = "000000000000"
REGION = "eu-west-1"
SHIP = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-ship"
GROUP = "/aws/lambda/app-orders"
REST_LOG, HTTP_LOG = "/aws/apigateway/rest", "/aws/apigateway/http"
_NOTHING = "def handler(event, context):\n    pass\n"


class Deployed:
    """The stack, and clients to break it with."""

    def __init__(self, aws: str, opensearch: str) -> None:
        self.endpoint = aws
        self.opensearch = opensearch
        services = ("cloudformation", "lambda", "logs", "sqs", "s3", "cloudwatch", "apigateway", "apigatewayv2")
        self.cloudformation, self.functions, self.logs, self.sqs, self.s3, self.cloudwatch, self.rest, self.http = (
            local_client(service, aws) for service in services
        )
        self._deploy()
        self._application()

    def id_of(self, logical_id: str) -> str:
        """The name or URL of one of the stack's resources."""
        listed = self.cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
        return next(each["PhysicalResourceId"] for each in listed if each["LogicalResourceId"] == logical_id)

    def environment(self, function: str, **changes: str) -> None:
        """Gives a function of the stack these settings beside its own; an empty one takes it away."""
        name = f"{STACK}-{function}"
        present = self.functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        self.functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": {key: value for key, value in (present | changes).items() if value}}
        )

    def subscribe(self, group: str, name: str = f"{STACK}-ship", to: str = SHIP) -> None:
        """Puts a subscription filter."""
        self.logs.put_subscription_filter(logGroupName=group, filterName=name, filterPattern="", destinationArn=to)

    def create_function(self, name: str, **more: object) -> None:
        """An application's function."""
        self.functions.create_function(FunctionName=name, Runtime="python3.11", Role="arn:aws:iam::000000000000:role/x", Handler="index.handler",
                                       Code={"ZipFile": _zipped()}, **more)  # fmt: skip

    def _deploy(self) -> None:
        self.cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(_template(self.opensearch)))
        assert stack_status(self.cloudformation, STACK) == "CREATE_COMPLETE"
        # ministack's CloudFormation leaves the tags of log groups out
        for name in ("ship", "resolve", "setup", "subscribe"):
            arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{STACK}-{name}"
            self.logs.tag_resource(resourceArn=arn, tags={"tracejoin:pipeline": STACK})
        self.functions.add_permission(FunctionName=f"{STACK}-ship", StatementId="logs", Action="lambda:InvokeFunction",
                                      Principal="logs.amazonaws.com", SourceAccount=ACCOUNT,
                                      SourceArn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*:*")  # fmt: skip

    def _application(self) -> None:
        self.create_function("app-orders", TracingConfig={"Mode": "Active"}, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "INFO"})
        for group in (GROUP, REST_LOG, HTTP_LOG):
            if not self.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
                self.logs.create_log_group(logGroupName=group)
            self.logs.put_retention_policy(logGroupName=group, retentionInDays=14)
            self.subscribe(group)
        self.rest_api = self.rest.create_rest_api(name="shop")["id"]
        root = self.rest.get_resources(restApiId=self.rest_api)["items"][0]["id"]
        self.rest.put_method(restApiId=self.rest_api, resourceId=root, httpMethod="GET", authorizationType="NONE")
        self.rest.put_integration(restApiId=self.rest_api, resourceId=root, httpMethod="GET", type="MOCK")
        self.rest.create_deployment(restApiId=self.rest_api, stageName="prod")
        self.rest_stage(destinationArn=_arn(REST_LOG), format=access_log_format("REST"))
        self.patch("/tracingEnabled", "true")
        self.http_api = self.http.create_api(Name="web", ProtocolType="HTTP")["ApiId"]
        self.http.create_stage(ApiId=self.http_api, StageName="$default")
        self.http_stage(DestinationArn=_arn(HTTP_LOG), Format=access_log_format("HTTP"))

    def rest_stage(self, **settings: str) -> None:
        """Sets the access log of the REST API's stage."""
        for key, value in settings.items():
            self.patch(f"/accessLogSettings/{key}", value)

    def patch(self, path: str, value: str) -> None:
        """Sets one thing of the REST API's stage."""
        self.rest.update_stage(restApiId=self.rest_api, stageName="prod", patchOperations=[{"op": "replace", "path": path, "value": value}])

    def http_stage(self, **settings: str) -> None:
        """Sets the access log of the HTTP API's stage."""
        self.http.update_stage(ApiId=self.http_api, StageName="$default", AccessLogSettings=settings)


def _arn(group: str) -> str:
    return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"


def _template(opensearch: str) -> dict[str, object]:
    own = {"TRACEJOIN_ENDPOINT": opensearch, "TRACEJOIN_PREFIX": "doctor", "TRACEJOIN_QUEUE_URL": {"Ref": "HintQueue"},
           "TRACEJOIN_TRACE_SOURCE": "auto", "TRACEJOIN_RULES": "rules.yaml"}  # fmt: skip
    chosen = {"TRACEJOIN_LOG_GROUPS": "/aws/lambda/app-*,/aws/apigateway/*,!/aws/lambda/app-quiet*", "TRACEJOIN_LOG_GROUP_TAG": "",
              "TRACEJOIN_FILTER_NAME": f"{STACK}-ship", "TRACEJOIN_FILTER_PATTERN": "", "TRACEJOIN_SHIP_ARN": SHIP}  # fmt: skip
    resources: dict[str, object] = {
        "HintQueue": {"Type": "AWS::SQS::Queue"}, "HintDeadLetters": {"Type": "AWS::SQS::Queue"}, "ParkedEvents": {"Type": "AWS::S3::Bucket"},
        "AlertTopic": {"Type": "AWS::SNS::Topic"}, "DeadLettersAlarm": _alarm("tracejoin", "dead_lettered"),
        "HiddenFaultsAlarm": _alarm("tracejoin", "HiddenFaults"),
    }  # fmt: skip
    for name in ("Ship", "Resolve", "Setup", "Subscribe"):
        more = chosen if name == "Subscribe" else {}
        resources[f"{name}LogGroup"] = {"Type": "AWS::Logs::LogGroup", "Properties": {
            "LogGroupName": f"/aws/lambda/{STACK}-{name.lower()}", "RetentionInDays": 14}}  # fmt: skip
        resources[f"{name}Function"] = {"Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": f"{STACK}-{name.lower()}", "Handler": "index.handler", "Runtime": "python3.11",
            "Role": "arn:aws:iam::000000000000:role/x", "Code": {"ZipFile": _NOTHING}, "Environment": {"Variables": own | more}}}  # fmt: skip
    return {"Resources": resources, "Outputs": {"Version": {"Value": "0.1.0"}}}


def _alarm(namespace: str, metric: str) -> dict[str, object]:
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": {
        "Namespace": namespace, "MetricName": metric, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "EvaluationPeriods": 1, "Threshold": 1,
        "Period": 60, "Statistic": "Sum", "AlarmDescription": f"{metric} are told of"}}  # fmt: skip


def _zipped() -> bytes:
    import io
    import zipfile

    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("index.py", _NOTHING)
    return data.getvalue()
