"""The sample application, deployed into a local AWS by the SAM CLI, asked by its load script, and deleted again.

The local AWS is ministack: CloudFormation with SAM's transform, Lambda (the handlers run, with the layer, in processes of their own), both
kinds of API, SNS, SQS, S3, DynamoDB and CloudWatch Logs are there. What it can't show: it has no X-Ray, so that no trace is recorded, a
caller's trace is not continued and sampling changes nothing; it writes no access log and no execution log; it serves an API at a path of
its own and not at API Gateway's host name, so that service-a is told other URLs after the deployment; and roles forbid nothing.
"""

import json
import re
import runpy
import socket
import sys
import time

import pytest

from pipeline.local import application
from tests.support.lifetime import SAMPLE, STACK, STAND_IN, live, load
from tests.support.stores import needs_sam

FUNCTIONS = {function.name for function in application._FUNCTIONS}


@pytest.fixture(scope="module")
def lifetime(tmp_path_factory):
    """One stack for all tests."""
    needs_sam()
    return live(tmp_path_factory.mktemp("build"))


def answers(lifetime):
    """What the load script printed, by case."""
    found = [json.loads(line) for line in lifetime.asked.stdout.splitlines()]
    return {answer["case"]: answer for answer in found}


def test_the_stack_is_created(lifetime):
    """`sam build` and `sam deploy` bring it to CREATE_COMPLETE, with all functions under recognisable names, traced, and on the layer."""
    assert lifetime.status == "CREATE_COMPLETE"
    assert set(lifetime.functions) == {f"{STACK}-{name}" for name in (*FUNCTIONS, "empty-bucket")}
    traced = {name for name, function in lifetime.functions.items() if function["TracingConfig"]["Mode"] == "Active"}
    assert traced == {f"{STACK}-{name}" for name in FUNCTIONS}
    assert all(len(function["Layers"]) == 1 for function in lifetime.functions.values())


def test_service_a_is_told_where_the_apis_are(lifetime):
    """The URL of the REST API, which calls service-a itself, is the one in the outputs; the HTTP API is another."""
    assert lifetime.environment["API_URL"] == lifetime.outputs["ApiUrl"]
    url = re.compile(r"https://(\w+)\.execute-api\.eu-west-1\.amazonaws\.com(/prod)?")
    rest, http = (url.fullmatch(lifetime.environment[name]) for name in ("API_URL", "HTTP_API_URL"))
    assert (rest[2], http[2]) == ("/prod", None)
    assert rest[1] != http[1]


def test_every_case_is_answered(lifetime):
    """service-a answers 200 whatever becomes of it: what failed behind it shows in its own words only."""
    assert (lifetime.asked.returncode, lifetime.asked.stderr) == (0, "")
    found = answers(lifetime)
    assert list(found) == [title for title, _, _ in application._REQUESTS]
    assert {answer["status"] for answer in found.values()} == {200}
    outcomes = {title: answer["outcomes"] for title, answer in found.items()}
    assert {title: list(outcome) for title, outcome in outcomes.items()} == {
        title: calls.split(",") for title, calls, _ in application._REQUESTS
    }
    assert outcomes["a function fails behind API Gateway"] == {"s3": "an order", "error": "502"}
    assert outcomes["a function times out behind API Gateway"] == {"dynamodb": "accepted", "timeout": "502"}
    assert outcomes["an invoked function fails"]["service-c"] == '200 {"stock": 7}'
    # Lambda's Invoke says 200 of a function that failed
    assert re.match(r'200 \{"errorMessage": "the order has no lines', outcomes["an invoked function fails"]["invoke-error"])
    assert outcomes["a write is refused, as it should, and an id is stale"] == {"once": "once", "cached-segment": "200"}
    several = outcomes["one transaction, several traces"]
    assert (several["service-b"], several["service-d"]) == ("200", "200")


def test_every_function_logs_into_its_own_group(lifetime):
    """The groups that the outputs name are there, and hold the functions' lines with the correlation ids that the load script gave."""
    assert set(lifetime.outputs["LogGroupNames"].split()) <= set(lifetime.logs)
    found = answers(lifetime)

    def lines(name, case):
        return [line for line in lifetime.logs[f"/aws/lambda/{STACK}-{name}"] if found[case]["correlation_id"] in line]

    for case, names in {
        "all is well": ("service-a", "service-b", "service-c", "cached-segment", "consumer"),
        "a function fails behind API Gateway": ("service-a", "error"),
        "a function times out behind API Gateway": ("service-a", "timeout"),
        "an invoked function fails": ("service-a", "service-c", "error"),
        "one transaction, several traces": ("service-a", "service-b", "service-d", "consumer"),
        "all is well, and nobody records it": ("service-a", "service-b", "consumer"),
    }.items():
        assert {name for name in FUNCTIONS if lines(name, case)} == set(names)
    log = {name: "\n".join(lifetime.logs[f"/aws/lambda/{STACK}-{name}"]) for name in FUNCTIONS}
    assert "ValueError: the order has no lines" in log["error"]
    assert "Task timed out after 2.00 seconds" in log["timeout"]
    assert f'"service":"{STACK}-service-a"' in log["service-a"]


def test_an_id_goes_stale(lifetime):
    """The complaint is reproduced: two requests, one trace id in cached-segment's lines."""
    lines = [json.loads(line) for line in lifetime.logs[f"/aws/lambda/{STACK}-cached-segment"] if line.startswith("{")]
    assert len({line["requestId"] for line in lines}) == len(lines) == 2
    assert len({line["traceId"] for line in lines}) == 1


def test_handlers_run_on_the_layer(lifetime):
    """The Powertools that error's traceback leads through are the layer's, and none of this machine's packages."""
    frames = re.findall(r'File "(\S+)/aws_lambda_powertools/', "\n".join(lifetime.logs[f"/aws/lambda/{STACK}-error"]))
    assert frames
    assert not any("site-packages" in frame for frame in frames)


def test_the_bucket_is_emptied(lifetime):
    """When its stack is deleted, the bucket is emptied, however much lies in it; making it empties nothing, and a bucket that is gone is no error."""
    orders = 1_001 + 2
    assert lifetime.emptied == [("Create", ["SUCCESS"], orders), ("Delete", ["SUCCESS"], 0), ("Delete", ["SUCCESS"], 0)]


def test_deletion_leaves_nothing(lifetime):
    """The stack goes, with every resource and every log group of it. That S3 keeps a bucket with objects in it, the local AWS does not show."""
    assert lifetime.deleted == "DELETE_COMPLETE"
    assert {kind: found for kind, found in lifetime.left.items() if found} == {}
    assert len(lifetime.left) == 12


def test_stacks_without_a_url_are_told_apart(lifetime):
    """A stack that is not there, and one that is another: one line each, and status 1."""
    assert (lifetime.unknown_stack.returncode, lifetime.unknown_stack.stdout) == (1, "")
    assert re.fullmatch(r"load.py: the outputs of stack no-such can't be read: .* does not exist\n", lifetime.unknown_stack.stderr)
    assert (lifetime.other_stack.returncode, lifetime.other_stack.stderr) == (
        1, f"load.py: stack {STAND_IN} has no output ApiUrl: is it the sample application's, and is it deployed?\n",
    )  # fmt: skip


def test_an_answer_of_somebody_else_is_told(lifetime):
    """A URL with a wrong stage is answered, but not by service-a: status 1, with what the codes mean."""
    assert lifetime.wrong_stage.returncode == 1
    assert len(lifetime.wrong_stage.stdout.splitlines()) == len(application._REQUESTS)
    assert lifetime.wrong_stage.stderr.startswith("load.py: 7 answers were not service-a's 200")


def test_the_load_script_asks_what_the_demo_asks():
    """The same cases, in the same order."""
    cases = runpy.run_path(str(SAMPLE / "load.py"), run_name="load")["CASES"]
    assert tuple((case.title, case.calls, case.sampled) for case in cases) == application._REQUESTS


def test_nobody_is_there():
    """Where nothing listens, the script says so at once: one line, and status 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/prod"
        begun = time.monotonic()
        run = load("--api-url", url, "--rounds", "100")
    assert (run.returncode, run.stdout) == (1, "")
    assert (
        run.stderr
        == f"load.py: {url} does not answer: [Errno 111] Connection refused; is it the stack's output ApiUrl, and is the stack there?\n"
    )
    assert time.monotonic() - begun < 5


def test_boto3_is_asked_for_only_where_it_is_needed():
    """Without boto3 a stack's name leads to no URL, and the script says what to give instead."""
    run = load("--stack", STACK, python=(sys.executable, "-I", "-S"))
    assert run.returncode == 1
    assert run.stderr == ("load.py: --stack needs boto3: give --api-url instead, the stack's output ApiUrl "
                          "(sam list stack-outputs --stack-name tracejoin-sample)\n")  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "one of the arguments --api-url --stack is required"),
        (
            ("--api-url", "abc.execute-api"),
            "argument --api-url: 'abc.execute-api' is no URL such as https://abc123.execute-api.eu-west-1.amazonaws.com/prod",
        ),
        (("--api-url", "https://a/prod", "--stack", "b"), "argument --stack: not allowed with argument --api-url"),
        (("--stack", "a", "--rounds", "0"), "argument --rounds: '0' is no number from 1 to 100000"),
        (("--stack", "a", "--rate", "nan"), "argument --rate: 'nan' is no number of requests a second from 0.01 to 100"),
        (("--stack", "a", "--rate", "fast"), "argument --rate: 'fast' is no number of requests a second from 0.01 to 100"),
    ],
)
def test_bad_arguments_are_told_in_one_line(arguments, told):
    """What is wrong, where, and what is right; status 2."""
    run = load(*arguments)
    assert (run.returncode, run.stdout, run.stderr) == (2, "", f"load.py: {told}\n")
