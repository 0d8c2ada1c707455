"""Many accounts, one stack: each trace is looked up in the accounts and regions in which it ran, on a local AWS with two accounts."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import parse_qs

import boto3
import msgspec
import pytest
from botocore.config import Config

from pipeline.configure import trace_source_for
from pipeline.local.environment import local_environment
from pipeline.local.ministack import local_aws
from pipeline.model.places import ACCESS
from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from pipeline.search.explain_trace import explain_traces, in_words
from pipeline.store.trace_records import load_states
from tests.support.events import NOW, OTHER, REQUEST, TRACE, call, document, function, packed, powertools, report, service
from tests.support.http_server import HttpServer
from tests.support.other_accounts import (
    ELSEWHERE,
    EXTERNAL_ID,
    HOME,
    MEMBER,
    REGION,
    ROLE,
    AccountsXRay,
    deploy_member,
    resolve_role_credentials,
    trust,
)
from tests.support.paths import UNMEASURED
from tests.support.shipping import lines_of, shipped

LATER = NOW / 1000 + 60
_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5, proxies={})
SINK = "arn:aws:oam:eu-west-1:111111111111:sink/1"


@pytest.fixture(scope="module")
def accounts():
    """A local AWS that checks who may do what: resolve's credentials in one account, the member's role in the other."""
    with local_aws(UNMEASURED | {"AUTH": "true"}) as aws:
        role, credentials = resolve_role_credentials(aws)
        deploy_member(aws, role)
        yield SimpleNamespace(aws=aws, credentials=credentials)


@pytest.fixture
def world(accounts, store, settings, monkeypatch):
    """Both accounts' X-Ray, which links there are, and a resolver with the central account's credentials."""
    links = []
    oam = {"/ListSinks": {"Items": [{"Arn": SINK, "Id": "1", "Name": "sink"}]}}
    trust(accounts.aws, EXTERNAL_ID)
    with (
        AccountsXRay(accounts.aws) as xray,
        HttpServer(lambda request: (200, oam.get(request.path, {"Items": links}))) as links_server,
    ):
        own = {"AWS_ACCESS_KEY_ID": accounts.credentials["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": accounts.credentials["SecretAccessKey"],
               "AWS_SESSION_TOKEN": accounts.credentials["SessionToken"], "AWS_ENDPOINT_URL": accounts.aws,
               "AWS_ENDPOINT_URL_XRAY": xray.endpoint, "AWS_ENDPOINT_URL_OAM": links_server.endpoint}  # fmt: skip
        for name, value in local_environment(own).items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        given = replace(settings, region=REGION, allowed_accounts=(HOME, MEMBER), trace_reader_role_arn=ROLE,
                        trace_reader_external_id=EXTERNAL_ID)  # fmt: skip
        yield SimpleNamespace(xray=xray, links=links, store=store, settings=given, aws=accounts.aws)


def worker(world, now=LATER, **changes):
    """A resolver as the Lambda function makes it."""
    given = replace(world.settings, **changes)
    source = trace_source_for(given, lambda: boto3.client("xray", region_name=REGION, config=_CONFIG), _CONFIG)
    return Resolver(store=world.store, source=source, settings=given, clock=lambda: now)


def ship_line(world, *, trace=TRACE, account=MEMBER, region=REGION, request=REQUEST, first=1):
    """Ships a line and its REPORT from a centralized log group, which say where they come from."""
    content = document([powertools("paid", trace=trace, request=request), report(request, trace)], owner=HOME, first=first)
    for event in content["logEvents"]:
        event["extractedFields"] = {"@aws.account": account, "@aws.region": region, "@source.log": "/aws/lambda/orders"}
    return shipped({"awslogs": {"data": packed(content)}}, world.store, world.settings)


def documents(trace=TRACE, request=REQUEST):
    """The segments of a function."""
    of_trace = {"trace_id": to_xray(trace)}
    return [service(**of_trace, aws={"request_id": request}), function(**of_trace)]


@pytest.mark.parametrize("region", [REGION, ELSEWHERE])
@pytest.mark.parametrize("kind", ["auto", "StartTraceRetrieval"])
def test_a_trace_of_another_account_is_looked_up_there(world, kind, region):
    """By the role, in the region of its lines; nobody else is asked, and its segments say whose they are."""
    xray = world.xray.of[MEMBER, region]
    xray.destination = "CloudWatchLogs" if kind == "StartTraceRetrieval" else "XRay"
    xray.put(documents())
    world.xray.of[HOME, REGION].put(documents())
    ship_line(world, region=region)
    done = worker(world, trace_source=kind).resolve([TRACE])
    assert (done.settled, done.refusals) == (1, ())
    assert {place for place, calls in world.xray.asked.items() if calls} - {(HOME, REGION)} == {(MEMBER, region)}
    assert not world.xray.of[HOME, REGION].calls.keys() & {"BatchGetTraces", "StartTraceRetrieval"}
    (state,) = load_states([TRACE], world.store).values()
    assert {fact.account for fact in state.segments.values()} == {MEMBER}
    assert {line["aws"]["accountId"] for line in lines_of(world.store) if line["doc"]["kind"] == "log"} == {MEMBER}


def test_the_own_account_s_other_region_takes_no_role(world):
    """The same credentials hold there."""
    world.xray.of[HOME, ELSEWHERE].put(documents())
    ship_line(world, account=HOME, region=ELSEWHERE)
    trust(world.aws, "another")
    assert worker(world).resolve([TRACE]).settled == 1
    assert world.xray.asked[MEMBER, REGION] == 0


def test_a_trace_of_two_accounts_is_looked_up_in_each(world):
    """What each has comes together: the call in one account, the function that answered it in the other."""
    edge = {"id": "a" * 16, "name": "edge", "trace_id": to_xray(TRACE), "start_time": NOW / 1000, "end_time": NOW / 1000 + 0.2,
            "subsegments": [call("lambda", "b" * 16, traced=True)]}  # fmt: skip
    world.xray.of[HOME, REGION].put([edge])
    world.xray.of[MEMBER, REGION].put([service(parent_id="b" * 16), function()])
    ship_line(world)
    ship_line(world, account=HOME, request="11111111-2182-454f-963f-5f0f9a621d72", first=10)
    worker(world).resolve([TRACE], force=True)
    (state,) = load_states([TRACE], world.store).values()
    assert {fact.id: fact.account for fact in state.segments.values()} == {
        "a" * 16: "", "b" * 16: "", "0285bf1261be05ff": MEMBER, "17e84e76450d1777": MEMBER}  # fmt: skip
    assert state.places == (f"{HOME}:{REGION}", f"{MEMBER}:{REGION}")
    assert [lookup.outcome for lookup in state.lookups.values()] == ["found"]


def test_an_account_that_refuses_ends_its_traces_and_stops_no_other(world):
    """Its trace ends with the reason and a remedy, its neighbour is whole; it is asked once; once it lets tracejoin in, all is found."""
    trust(world.aws, "another")
    world.xray.of[HOME, REGION].put(documents(OTHER, REQUEST))
    world.xray.of[MEMBER, REGION].put(documents())
    ship_line(world)
    ship_line(world, trace=OTHER, account=HOME, first=10)
    resolver = worker(world)
    done = resolver.resolve([TRACE, OTHER])
    assert (done.settled, done.unsettled, done.failed_lookups, done.source_away) == (1, (TRACE,), 0, "")
    assert MEMBER in done.refusals[0]
    assert "AssumeRole" in done.refusals[0]
    late = worker(world, NOW / 1000 + 3600)
    late.resolve([TRACE])
    (told,) = explain_traces(TRACE, world.store)
    assert (told.state, told.final) == ("sourceUnavailable", True)
    assert told.state_reason.startswith(f"Account {MEMBER} ({REGION}) refused to show its traces until long after the last log line")
    assert "examples/organization/member.yaml" in told.state_reason
    assert f"refused by {MEMBER}:{REGION}" in " ".join(in_words(told))
    assert world.xray.asked[MEMBER, REGION] == 0
    trust(world.aws, EXTERNAL_ID)
    # the refusal counts for a minute of the same worker
    assert late.sweep().settled == 0
    assert worker(world, NOW / 1000 + 3700).sweep().settled == 1
    (told,) = explain_traces(TRACE, world.store)
    assert (told.state, told.segments) == ("complete", 2)


def test_given_up_traces_of_an_account_that_refuses_keep_no_other_s_back(world):
    """The stack's own X-Ray was away, another account refuses for good: once X-Ray is back, the sweep finds its traces behind the others."""
    trust(world.aws, "another")
    member = [f"{NOW // 1000:08x}{number:024x}" for number in range(1, 9)]
    for number, trace in enumerate(member, 2):
        ship_line(world, trace=trace, request=f"{number:08x}-2182-454f-963f-5f0f9a621d72", first=number * 10)
    ship_line(world, account=HOME)
    world.xray.away = True
    worker(world, NOW / 1000 + 3600).resolve([*member, TRACE])
    worker(world, NOW / 1000 + 3600).resolve([*member, TRACE])
    assert {told.state for told in explain_traces(TRACE, world.store)} == {"sourceUnavailable"}
    world.xray.away = False
    world.xray.of[HOME, REGION].put(documents())
    done = worker(world, NOW / 1000 + 3700).sweep()
    assert (done.settled, len(done.refusals)) == (1, 1)
    (told,) = explain_traces(TRACE, world.store)
    assert told.state == "complete"


def test_without_a_role_and_a_link_there_is_no_way(world):
    """The trace's reason says so; the stack's own X-Ray, which has nothing of it, is not asked."""
    world.xray.of[MEMBER, REGION].put(documents())
    ship_line(world)
    done = worker(world, trace_reader_role_arn="", trace_reader_external_id="").resolve([TRACE])
    assert done.refusals == (f"account {MEMBER}, {REGION}: there is no way to its traces: {ACCESS}",)
    assert world.xray.asked[MEMBER, REGION] == 0


@pytest.mark.parametrize("types", [["AWS::XRay::Trace"], ["AWS::Logs::LogGroup"]])
def test_a_linked_account_s_traces_are_seen_at_home(world, types):
    """Where it shares its traces, no role is assumed; where it shares something else alone, it is."""
    world.links.append({"Label": "m", "LinkArn": f"arn:aws:oam:eu-west-1:{MEMBER}:link/1", "ResourceTypes": types})
    for account in (HOME, MEMBER):
        world.xray.of[account, REGION].put(documents())
    ship_line(world)
    assert worker(world).resolve([TRACE]).settled == 1
    assert (world.xray.asked[MEMBER, REGION] == 0) == (types == ["AWS::XRay::Trace"])
    # a link is of one region
    assert worker(world).resolve([TRACE], force=True).refusals == ()


STS_ANSWER = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>{until}</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>"""


@pytest.mark.parametrize(("seconds", "assumed"), [(3600, 1), (300, 3)])
def test_a_role_is_assumed_again_before_its_credentials_end(world, monkeypatch, seconds, assumed):
    """Credentials of an hour do for all calls; those that end within minutes are replaced before each call, and no call is signed with old ones."""
    requests = []

    def answer(request):
        requests.append(parse_qs(request.body.decode()))
        until = datetime.fromtimestamp(time.time() + seconds, UTC).isoformat()
        return 200, STS_ANSWER.format(key=MEMBER, until=until).encode(), {"Content-Type": "text/xml"}

    world.xray.of[MEMBER, REGION].put(documents())
    with HttpServer(answer) as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.endpoint)
        ship_line(world)
        resolver = worker(world, trace_source="BatchGetTraces")
        for _ in range(3):
            resolver.resolve([TRACE], force=True)
            world.store.write([{"update": {"_index": f"{world.store.prefix}-traces", "_id": TRACE}}, {"doc": {"spansBehind": ["b" * 16]}}])
    assert world.xray.asked[MEMBER, REGION] == 3
    assert len(requests) == assumed
    assert {name: values for name, (*values,) in requests[0].items() if name in {"RoleArn", "ExternalId", "RoleSessionName"}} == {
        "RoleArn": [ROLE.format(account=MEMBER)], "ExternalId": [EXTERNAL_ID], "RoleSessionName": [f"tracejoin-{HOME}"]}  # fmt: skip


def test_a_throttled_account_slows_down_itself_alone(world):
    """Its look-ups are put off; the others' budget is whole."""
    world.xray.of[HOME, REGION].put(documents(OTHER, REQUEST))
    world.xray.of[MEMBER, REGION].put(documents())
    ship_line(world)
    ship_line(world, trace=OTHER, account=HOME, first=10)
    world.xray.of[MEMBER, REGION].throttle(50)
    resolver = worker(world, trace_source="BatchGetTraces")
    done = resolver.resolve([TRACE, OTHER])
    assert (done.settled, done.unsettled, done.put_off) == (1, (TRACE,), 1)


def test_a_record_without_places_goes_on(world):
    """One of before is looked up in the stack's own account, and learns where its lines come from when they are seen again."""
    world.xray.of[HOME, REGION].put(documents())
    ship_line(world, account=HOME)
    index = f"{world.store.prefix}-traces"
    resolver = worker(world)
    resolver.resolve([TRACE])
    stored = world.store.get_many([(index, TRACE)])[0].source
    assert msgspec.to_builtins(stored["state"]).pop("places") == [f"{HOME}:{REGION}"]
    state = {name: value for name, value in stored["state"].items() if name != "places"}
    world.store.write([{"index": {"_index": index, "_id": TRACE}}, {**stored, "state": state, "settled": False}])
    assert worker(world).resolve([TRACE]).settled == 1
    assert world.store.get_many([(index, TRACE)])[0].source["trace"]["version"] == stored["trace"]["version"]
