"""Deploy demo: `make deploy-local` deploys the real template on a local AWS, and sends the sample application's log lines through it.

The lines go the whole way: PutLogEvents, a subscription filter, the deployed ship, SQS, the deployed resolve, X-Ray, SNS.
`KEEP=1` leaves it running.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from pipeline.configure import store_for
from pipeline.errors import MisconfiguredError, TracejoinError, UnavailableError
from pipeline.local.application import SampleRun, run_sample_application
from pipeline.local.environment import REGION
from pipeline.local.ministack import local_aws
from pipeline.local.opensearch import EmbeddedOpenSearch, real_opensearch
from pipeline.local.sam_deployment import ROOT, SAM, Deployment, build
from pipeline.local.xray import LocalXRay
from pipeline.logs.decode import decode_event
from pipeline.model.trace_ids import to_xray
from pipeline.search.findings import hidden_faults
from pipeline.settings import Settings
from pipeline.store.client import Store

FOLDER: Final = ROOT / ".aws-sam" / "local"
PARAMETERS: Final = {
    "OpenSearch": "existing",
    "LogGroups": "'/aws/lambda/*,/aws/apigateway/*,API-Gateway-Execution-Logs_*'",
    # on AWS these are ten seconds and more
    "LookupDelays": "1,2,4",
}
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class World:
    """A deployed stack, its OpenSearch, and the local X-Ray."""

    deployment: Deployment
    store: Store
    xray: LocalXRay


@contextmanager
def deployed(settings: Settings, name: str = "tracejoin") -> Iterator[World]:
    """Deploys the stack on a new local AWS, with the OpenSearch and prefix of ``settings`` and a local X-Ray; yields all three."""
    print("building …", flush=True)
    template = build(FOLDER)
    with LocalXRay(delay=0.5) as xray, local_aws({"AWS_ENDPOINT_URL_XRAY": xray.endpoint}) as endpoint:
        print(f"deploying {template} …", flush=True)
        deployment = Deployment(endpoint, name)
        deployment.deploy(template, {**PARAMETERS, "OpenSearchEndpoint": settings.endpoint, "Prefix": settings.prefix})
        yield World(deployment, store_for(settings), xray)


def put(events: list[dict[str, Any]], deployment: Deployment) -> int:
    """Writes the lines of these subscription events to CloudWatch Logs of the local AWS; returns the number of lines."""
    logs = deployment.client("logs")
    batches = [batch for event in events for batch in decode_event(event, max_bytes=Settings().max_decompressed_bytes).batches]
    for group in {batch.log_group for batch in batches}:
        logs.create_log_group(logGroupName=group)
    subscribe(deployment)
    for batch in batches:
        logs.create_log_stream(logGroupName=batch.log_group, logStreamName=batch.log_stream)
        lines = [
            {"timestamp": event.timestamp, "message": event.message} for event in sorted(batch.events, key=lambda event: event.timestamp)
        ]
        logs.put_log_events(logGroupName=batch.log_group, logStreamName=batch.log_stream, logEvents=lines)
    return sum(len(batch.events) for batch in batches)


def subscribe(deployment: Deployment) -> dict[str, Any]:
    """Invokes the subscribe function, as the schedule would, and returns its numbers. Raises UnavailableError where it fails."""
    name = deployment.outputs()["SubscribeFunctionName"]
    answer = deployment.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    result: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise UnavailableError(f"{name} failed: {result}")
    return result


def wait_until(done: Callable[[], object], what: str, patience: float = _PATIENCE) -> None:
    """Waits until ``done`` returns something true. Raises UnavailableError after ``patience`` seconds; ``what`` names it in the error."""
    deadline = time.monotonic() + patience
    while not done():
        if time.monotonic() > deadline:
            raise UnavailableError(f"after {patience:.0f} s still not: {what}")
        time.sleep(0.5)


def count(store: Store, query: dict[str, Any], index: str) -> int:
    """The number of documents in ``index`` (without the prefix) that match ``query``, after a refresh."""
    store.refresh()
    total: int = store.search({"size": 0, "track_total_hits": True, "query": query}, index=f"{store.prefix}-{index}")["hits"]["total"][
        "value"
    ]
    return total


def _show(world: World, run: SampleRun) -> None:
    everything: dict[str, Any] = {"match_all": {}}
    unsettled = {"terms": {"trace.state": ["pending", "partial"]}}
    lines = put(run.events, world.deployment)
    wait_until(lambda: count(world.store, everything, "logs-*") >= lines, f"{lines} lines in OpenSearch")
    print(f"{lines} lines put into CloudWatch Logs, {count(world.store, everything, 'logs-*')} in OpenSearch")
    wait_until(lambda: not count(world.store, unsettled, "logs-*"), "every line's trace is settled")
    print(f"{count(world.store, everything, 'spans-*')} spans of {count(world.store, everything, 'traces')} traces; hidden faults:")
    faults = hidden_faults(world.store)
    for fault in faults:
        print(f"  {to_xray(fault['traceId'])}  {fault['serviceName']}  {', '.join(fault['trace']['rules'])}")
    if not faults:
        raise UnavailableError("no hidden fault was found, and the sample application has three")


def _keep(world: World) -> None:
    variables = {
        "AWS_ENDPOINT_URL": world.deployment.endpoint, "AWS_ENDPOINT_URL_XRAY": world.xray.endpoint, "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": REGION, "TRACEJOIN_ENDPOINT": world.store.endpoint,
    }  # fmt: skip
    print("\nIt runs until Ctrl-C. In another terminal:\n  export", *(f"{name}={value}" for name, value in variables.items()))
    for command in (".venv/bin/tracejoin faults", ".venv/bin/tracejoin doctor", f"{SAM} list resources --stack-name tracejoin"):
        print(f"  {command}")
    while True:
        time.sleep(60)


def main(arguments: list[str]) -> int:
    """Deploys the stack, ships the lines, prints the hidden faults and deletes the stack; returns 0, or 1 or 2 for an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    parser.add_argument("--embedded", action="store_true", help="with the embedded OpenSearch, though there are Java 21 and Maven")
    given = parser.parse_args(arguments)
    try:
        with _opensearch(embedded=given.embedded) as endpoint, deployed(Settings(endpoint=endpoint)) as world:
            for name, value in world.deployment.outputs().items():
                print(f"{name:>22}  {value}")
            _show(world, run_sample_application(world.xray))
            if given.keep:
                _keep(world)
            print("deleting …", flush=True)
            print(world.deployment.delete())
    except KeyboardInterrupt:
        return 0
    except MisconfiguredError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return 2
    except TracejoinError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


@contextmanager
def _opensearch(*, embedded: bool) -> Iterator[str]:
    """The endpoint of a real OpenSearch where Java and Maven are installed, else of the embedded one."""
    with ExitStack() as stack:
        try:
            endpoint = "" if embedded else stack.enter_context(real_opensearch())
        except (MisconfiguredError, UnavailableError) as error:
            print(f"no real OpenSearch here, so it is the embedded one: {error}")
            endpoint = ""
        yield endpoint or stack.enter_context(EmbeddedOpenSearch()).endpoint


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
