"""What the stack makes for notify, and only if it is wanted."""

import pytest

from pipeline.settings import Settings
from tests.support.secrets import PARAMETER, SECRET
from tests.support.stack import Stack
from tests.support.template import load, of_type

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1a2b"


def test_without_a_secret_nothing_of_it_is_made():
    """But the log group, which is left out of what is shipped in any case, as that of subscribe is."""
    stack = Stack()
    assert {name for name in stack.resources if name.startswith("Notify")} == {"NotifyLogGroup"}
    assert "NotifyDeadLettersUrl" not in stack.outputs


@pytest.mark.parametrize("arn", [SECRET, PARAMETER])
def test_the_function_knows_the_secret_by_its_arn_and_may_read_no_other(arn):
    """Its environment makes settings; no other function's names the secret; it reads neither the login nor OpenSearch."""
    stack = Stack(NotifySecretArn=arn, OpenSearchUsername="admin")
    environment = stack.environment("NotifyFunction")
    assert (environment["TRACEJOIN_NOTIFY_SECRET"], environment["TRACEJOIN_NOTIFY_PRIVATE"]) == (arn, "off")
    assert environment["TRACEJOIN_OPENSEARCH_SECRET"] == ""
    assert Settings.from_environment({"TRACEJOIN_NOTIFY_SECRET": arn, "TRACEJOIN_NOTIFY_PRIVATE": "off"}).notify_secret == arn
    assert not any(
        arn in str(stack.environment(name)) for name in ("ShipFunction", "ResolveFunction", "SetupFunction", "SubscribeFunction")
    )
    allowed = stack.allowed("NotifyRole")
    reads = {
        action: statement["Resource"]
        for statement in allowed.values()
        for action in statement["Action"]
        if action.startswith(("secrets", "ssm"))
    }
    assert reads == {"secretsmanager:GetSecretValue": arn, "ssm:GetParameter": arn}
    assert not any(action.startswith(("es:", "aoss:", "kms:")) for statement in allowed.values() for action in statement["Action"])


def test_a_key_of_ones_own_decrypts_the_channels_alone():
    """kms:Decrypt on that key, where Secrets Manager or SSM asks for it; a key without a secret is refused."""
    statement = Stack(NotifySecretArn=SECRET, NotifySecretKeyArn=KEY).allowed("NotifyRole")["DecryptTheChannels"]
    assert (statement["Action"], statement["Resource"]) == (["kms:Decrypt"], KEY)
    assert len(statement["Condition"]["StringEquals"]["kms:ViaService"]) == 2
    assert any("is the key of NotifySecretArn" in reason for reason in Stack(NotifySecretKeyArn=KEY).broken)


def test_what_fails_ends_in_its_own_dead_letters():
    """What SNS sent by the function's dead-letter queue, a delivery by that of its queue; one at a time, within its time."""
    queues, function = of_type(load(), "AWS::SQS::Queue"), of_type(load(), "AWS::Serverless::Function")["NotifyFunction"]
    assert queues["NotifyQueue"]["RedrivePolicy"]["deadLetterTargetArn"] == {"GetAtt": "NotifyDeadLetters.Arn"}
    assert function["DeadLetterQueue"] == {"Type": "SQS", "TargetArn": {"GetAtt": "NotifyDeadLetters.Arn"}}
    assert queues["NotifyQueue"]["VisibilityTimeout"] >= 6 * function["Timeout"]
    source = function["Events"]["Deliveries"]["Properties"]
    assert (source["BatchSize"], source["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])
    assert source["ScalingConfig"]["MaximumConcurrency"] == function["ReservedConcurrentExecutions"]["If"][1]


def test_the_topic_alone_invokes_it():
    """It is subscribed as a function once it may be invoked."""
    stack = Stack(NotifySecretArn=SECRET)
    assert stack.resources["NotifySubscription"]["Properties"] == {
        "TopicArn": "<AlertTopic>",
        "Protocol": "lambda",
        "Endpoint": "<NotifyFunction.Arn>",
    }
    assert stack.resources["NotifyPermission"]["Properties"]["SourceArn"] == "<AlertTopic>"
