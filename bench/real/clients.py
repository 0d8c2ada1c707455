"""Clients: fetches AWS' own runtime clients into `.cache/runtimes`, builds the handlers, and says how to start each."""

import importlib.util
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.local.runtime_environment import RuntimeCommand

HANDLERS = Path(__file__).parent / "handlers"
CACHE = Path(".cache/runtimes").resolve()
_PYTHON = ("structlog==26.1.0", "loguru==0.7.3", "python-json-logger==4.2.0")
_NODE = ("aws-lambda-ric@4.0.2", "pino@10.4.0", "winston@3.19.0", "@aws-lambda-powertools/logger@2.36.0")


class NotAvailableError(Exception):
    """A runtime client cannot be fetched or built here; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A runtime client that can be started.

    Attributes:
        name: of the language.
        arguments: that start it.
        folder: of its handler.
        variables: of its own.
        ends: how its handler can end an invocation, beside returning.
        steps: how many kinds of line its handler writes.
        telemetry: whether it can use the telemetry pipe.
        managed: whether it can run several invocations at once.
        missing_handler: what is different of it where its handler does not load; empty where that is not tried.
        managed_ends: those of ``ends`` that end no process, which others would lose their invocation by.
    """

    name: str
    arguments: list[str]
    folder: Path
    ends: tuple[str, ...]
    steps: int
    variables: dict[str, str] = field(default_factory=dict)
    telemetry: bool = True
    managed: bool = True
    managed_ends: tuple[str, ...] = ()
    missing_handler: dict[str, Any] = field(default_factory=dict)

    def command(self, *, as_json: bool, telemetry: bool = True, concurrency: int = 0) -> RuntimeCommand:
        """Returns how to start it with this log format."""
        variables = {"AWS_LAMBDA_LOG_FORMAT": "JSON" if as_json else "Text", "AWS_LAMBDA_FUNCTION_NAME": f"orders-{self.name}",
                     "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/orders-{self.name}", "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/24/[$LATEST]0",
                     "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "TZ": ":UTC", "INIT_LINES": "1",
                     "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "LAMBDA_TASK_ROOT": str(self.folder)}  # fmt: skip
        return RuntimeCommand(arguments=self.arguments, folder=self.folder, telemetry=telemetry, concurrency=concurrency,
                              variables={**variables, **self.variables})  # fmt: skip


def python_client() -> Client:
    """Fetches AWS' `awslambdaric`, on the interpreter that runs this."""
    folder = CACHE / "python"
    if importlib.util.find_spec("awslambdaric") is None:
        raise NotAvailableError("awslambdaric is not installed; it exists for Linux only")
    if not (folder / "complete").exists():
        _run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(folder), *_PYTHON])
        (folder / "complete").touch()
    handlers = HANDLERS / "python"
    variables = {"PYTHONPATH": f"{handlers}:{folder}", "POWERTOOLS_SERVICE_NAME": "orders", "PYTHONWARNINGS": "ignore",
                 "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}"}  # fmt: skip
    start = [sys.executable, "-m", "awslambdaric"]
    return Client(name="python", arguments=[*start, "app.handler"], folder=handlers, variables=variables, steps=39,
                  ends=("raise", "raise several lines", "unserializable", "exit", "abort", "memory", "timeout"),
                  managed_ends=("raise", "raise several lines", "unserializable"),
                  missing_handler={"arguments": [*start, "missing.handler"]})  # fmt: skip


def node_client() -> Client:
    """Fetches AWS' `aws-lambda-ric`, built from the sources in its package, on the `node` that is installed."""
    folder = CACHE / "node"
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        # npm runs the scripts of no package that is not named here; those of this one build its native half
        allowed = {"name": "tracejoin-node", "private": True, "version": "1.0.0", "allowScripts": {"aws-lambda-ric": True}}
        (folder / "package.json").write_text(json.dumps(allowed))
        headers = Path(shutil.which("node") or "/").resolve().parent.parent
        _run(["npm", "install", "--no-audit", "--no-fund", f"--nodedir={headers}", *_NODE], folder)
        (folder / "complete").touch()
    variables = {"NODE_PACKAGES": str(folder), "_HANDLER": "app.handler", "AWS_LAMBDA_NODEJS_WORKER_COUNT": "3",
                 "POWERTOOLS_SERVICE_NAME": "orders", "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x"}  # fmt: skip
    ends = ("throw", "throw of a class of its own", "throw of a string", "unhandled rejection", "uncaught in a callback", "exit", "memory",
            "timeout")  # fmt: skip
    return Client(name="node", arguments=["node", str(folder / "node_modules/aws-lambda-ric/index.mjs")], folder=HANDLERS / "node",
                  variables=variables, steps=42, ends=ends, managed_ends=ends[:3],
                  missing_handler={"variables": variables | {"_HANDLER": "missing.handler"}})  # fmt: skip


def java_client() -> Client:
    """Fetches AWS' `aws-lambda-java-runtime-interface-client` and its appender for Log4j, on the `java` that is installed."""
    folder, handlers = CACHE / "java", HANDLERS / "java"
    folder.mkdir(parents=True, exist_ok=True)
    sources = [handlers / name for name in ("pom.xml", "log4j2.xml", "Handler.java")]
    complete = folder / "complete"
    if not complete.exists() or complete.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        _run(["mvn", "-q", "-B", "-f", str(sources[0]), "dependency:copy-dependencies", f"-DoutputDirectory={folder}/lib"])
        _run(["javac", "--release", "17", "-cp", f"{folder}/lib/*", "-d", str(folder / "classes"), str(sources[2])])
        shutil.copy(sources[1], folder / "classes")
        complete.touch()
    arguments = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
                 "--add-opens", "java.base/java.io=ALL-UNNAMED", "--add-opens", "java.base/java.util=ALL-UNNAMED", "-cp",
                 f"{folder}/classes:{folder}/lib/*",
                 "com.amazonaws.services.lambda.runtime.api.client.AWSLambda", "Handler::handleRequest"]  # fmt: skip
    return Client(name="java", arguments=arguments, folder=folder / "classes", steps=30,
                  variables={"AWS_EXECUTION_ENV": "AWS_Lambda_java17"},
                  ends=("throw", "throw of the library", "throw of an Error", "exit", "memory", "timeout"),
                  managed_ends=("throw", "throw of the library"))  # fmt: skip


def go_client() -> Client:
    """Fetches AWS' `aws-lambda-go`, built with the `go` that is installed; it has no telemetry pipe."""
    handlers, program = HANDLERS / "go", CACHE / "go" / "handler"
    if not program.exists() or program.stat().st_mtime < max(source.stat().st_mtime for source in handlers.iterdir()):
        _run(["go", "build", "-o", str(program), "."], handlers)
    return Client(name="go", arguments=[str(program)], folder=program.parent, steps=23, telemetry=False,
                  variables={"_HANDLER": "bootstrap", "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023"},
                  ends=("return of an error", "panic", "nil map", "panic in a goroutine", "fatal", "memory", "timeout"),
                  managed_ends=("return of an error",))  # fmt: skip


def rust_client() -> Client:
    """Fetches AWS' `lambda_runtime`, built with the `cargo` that is installed; it has no telemetry pipe."""
    handlers, folder = HANDLERS / "rust", CACHE / "rust"
    program = folder / "target" / "debug" / "handler"
    sources = [handlers / "Cargo.toml", handlers / "src" / "main.rs"]
    if not program.exists() or program.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        # cargo keeps its lock file beside the manifest
        shutil.copytree(handlers, folder, dirs_exist_ok=True)
        _run(["cargo", "build", "--quiet", "--target-dir", str(folder / "target")], folder)
        program.touch()
    return Client(name="rust", arguments=[str(program)], folder=program.parent, steps=18, telemetry=False,
                  variables={"_HANDLER": "bootstrap", "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023"},
                  ends=("return of an error", "panic", "unwrap", "exit", "timeout"), managed_ends=("return of an error",))  # fmt: skip


def _run(command: list[str], folder: Path | None = None) -> None:
    if shutil.which(command[0]) is None:
        raise NotAvailableError(f"{command[0]} is not installed")
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if answer.returncode:
        raise NotAvailableError(f"{' '.join(command[:3])} failed: {(answer.stdout + answer.stderr)[-400:]}")


CLIENTS = {"python": python_client, "node": node_client, "java": java_client, "go": go_client, "rust": rust_client}
