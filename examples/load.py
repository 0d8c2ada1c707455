"""Asks the deployed sample application for every case, and says how to look at each. Plain Python >= 3.11; only `--stack` needs boto3."""

import argparse
import json
import re
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Final, NoReturn

PATIENCE: Final = 35.0
AT_ONCE: Final = 16
MOST_ROUNDS: Final = 100_000
RATES: Final = (0.01, 100.0)
OK: Final = 200
ROOT: Final = re.compile(r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24})")


@dataclass(frozen=True, slots=True)
class Case:
    """What service-a is asked to call, whether the trace is recorded, and the command that shows what it is about."""

    title: str
    calls: str
    sampled: bool
    look: str


CASES: Final = (
    Case("all is well", "sns,s3,dynamodb,service-c,service-b,cached-segment", True, "search {correlation_id}"),
    Case("a function fails behind API Gateway", "s3,error", True, "trace {trace_id}"),
    Case("a function times out behind API Gateway", "dynamodb,timeout", True, "trace {trace_id}"),
    Case("an invoked function fails", "service-c,invoke-error", True, "trace {trace_id}"),
    Case("a write is refused, as it should, and an id is stale", "once,cached-segment", True, "why {trace_id}"),
    Case("one transaction, several traces", "sns,service-b,service-d", True, "trace {correlation_id}"),
    Case("all is well, and nobody records it", "sns,service-b", False, "why {trace_id}"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was answered: with which HTTP status, in how many seconds, and what service-a said of its calls."""

    case: str
    status: int
    seconds: float
    trace_id: str
    correlation_id: str
    command: str
    outcomes: dict[str, str]


class NoAnswerError(Exception):
    """Nothing came back, or nobody knows whom to ask: in one line, with what to do."""


def ask(api_url: str, case: Case, correlation_id: str) -> Asked:
    """Asks once. The client decides on sampling, so that X-Ray records each case however many there are; raises NoAnswerError."""
    trace_id = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    url = f"{api_url}/service-a?calls={urllib.parse.quote(case.calls, safe=',')}"
    headers = {"x-correlation-id": correlation_id, "X-Amzn-Trace-Id": f"Root={trace_id};Sampled={int(case.sampled)}"}
    begun = time.monotonic()
    try:
        status, body, header = answer_of(urllib.request.Request(url, headers=headers))  # noqa: S310
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise NoAnswerError(f"{api_url} does not answer: {reason}; is it the stack's output ApiUrl, and is the stack there?") from error
    seconds = round(time.monotonic() - begun, 3)
    # API Gateway goes on with the trace that it is given, and says so
    told = ROOT.search(header)
    trace_id = told[1] if told else trace_id
    command = "tracejoin " + case.look.format(trace_id=trace_id, correlation_id=correlation_id)
    return Asked(case.title, status, seconds, trace_id, correlation_id, command, outcomes_of(body) if status == OK else {})


def answer_of(request: urllib.request.Request) -> tuple[int, bytes, str]:
    """The status, body and tracing header that came back, whatever the status."""
    try:
        answer = urllib.request.urlopen(request, timeout=PATIENCE)  # noqa: S310
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.read(), answer.headers.get("X-Amzn-Trace-Id", "")


def outcomes_of(body: bytes) -> dict[str, str]:
    """What became of each call, as service-a tells; nothing where somebody else answered."""
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return {str(call): str(outcome) for call, outcome in told.items()} if isinstance(told, dict) else {}


def ask_all(api_url: str, rounds: int, rate: float) -> Iterator[Asked]:
    """Asks for every case in each round, `rate` requests a second, and hands the answers over in this order."""
    run = secrets.token_hex(4)
    # alone: it shows whether anybody is there, and the functions wake up, so that later invocations find the segment of the first cached
    yield ask(api_url, CASES[0], f"order-1-{run}")
    begun = time.monotonic() - 1 / rate

    def ask_in_time(number: int) -> Asked:
        time.sleep(max(0.0, begun + number / rate - time.monotonic()))
        return ask(api_url, CASES[number % len(CASES)], f"order-{number + 1}-{run}")

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield from pool.map(ask_in_time, range(1, rounds * len(CASES)))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def api_url_of(stack: str) -> str:
    """The stack's output ApiUrl, in the region and account of the AWS settings; raises NoAnswerError."""
    try:
        import boto3  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ImportError as error:
        raise NoAnswerError("--stack needs boto3: give --api-url instead, the stack's output ApiUrl "
                                f"(sam list stack-outputs --stack-name {stack})") from error  # fmt: skip
    try:
        outputs = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    except (BotoCoreError, ClientError) as error:
        raise NoAnswerError(f"the outputs of stack {stack} can't be read: {error}") from error
    for output in outputs:
        if output["OutputKey"] == "ApiUrl":
            return str(output["OutputValue"])
    raise NoAnswerError(f"stack {stack} has no output ApiUrl: is it the sample application's, and is it deployed?")


class Arguments(argparse.ArgumentParser):
    """Tells of bad arguments in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def http_url(given: str) -> str:
    parts = urllib.parse.urlsplit(given)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise argparse.ArgumentTypeError(f"{given!r} is no URL such as https://abc123.execute-api.eu-west-1.amazonaws.com/prod")
    return given.rstrip("/").removesuffix("/service-a")


def count(given: str) -> int:
    if not given.isdecimal() or not 1 <= int(given) <= MOST_ROUNDS:
        raise argparse.ArgumentTypeError(f"{given!r} is no number from 1 to {MOST_ROUNDS}")
    return int(given)


def per_second(given: str) -> float:
    try:
        rate = float(given)
    except ValueError:
        rate = 0.0
    if not RATES[0] <= rate <= RATES[1]:
        raise argparse.ArgumentTypeError(f"{given!r} is no number of requests a second from {RATES[0]} to {RATES[1]:.0f}")
    return rate


def arguments() -> argparse.Namespace:
    parser = Arguments(prog="load.py", description="Asks the deployed sample application for every case that it has.", allow_abbrev=False)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--api-url", type=http_url, help="the stack's output ApiUrl")
    where.add_argument("--stack", help="the stack's name; its outputs are read with boto3, as your AWS settings say")
    parser.add_argument("--rounds", type=count, default=1, help="how often to ask for every case (default 1)")
    parser.add_argument("--rate", type=per_second, default=1.0, help=f"requests a second (default 1); at most {AT_ONCE} at once")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    others = 0
    try:
        api_url = given.api_url or http_url(api_url_of(given.stack))
        for asked in ask_all(api_url, given.rounds, given.rate):
            line = f"{asked.case:<52}  {asked.status}  {asked.trace_id}  {asked.correlation_id:<20}  {asked.command}"
            print(json.dumps(asdict(asked)) if given.json else line, flush=True)
            others += asked.status != OK
    except NoAnswerError as error:
        print(f"load.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if others:
        print(f"load.py: {others} answers were not service-a's 200: 403 and 404 mean a wrong URL (it ends in the stage, /prod), "
              "429 a rate too high, 5xx that service-a itself fails", file=sys.stderr)  # fmt: skip
    return int(others > 0)


if __name__ == "__main__":
    sys.exit(main())
