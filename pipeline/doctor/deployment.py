"""Deployment: the stack, its functions with their settings, and its OpenSearch; on a laptop, OpenSearch alone."""

from dataclasses import replace
from typing import Final

from pipeline.configure import store_for
from pipeline.doctor.cached import Cached, cached_read
from pipeline.doctor.collect import functions, opensearch
from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.collect.stack import read_stack
from pipeline.doctor.resources import Function, Stack
from pipeline.errors import BadInputError, TracejoinError
from pipeline.provision.desired_state import Change
from pipeline.settings import Settings
from pipeline.store.client import Store

# files that are in the Lambda package, not on this machine
_IN_PACKAGE: Final = frozenset({"TRACEJOIN_RULES", "TRACEJOIN_POLICY", "TRACEJOIN_CA"})


class Deployment(Cached):
    """The stack and its OpenSearch. Every method raises a TracejoinError with a one-line reason where a read fails.

    Args:
        calls: the calls to AWS.
        name: the stack's name.
        own: the settings of this process, used where there is no stack.
        endpoint: the URL of OpenSearch instead of the stack's; empty for the stack's.
        named: whether the user named this stack, so that it has to exist.
    """

    def __init__(self, calls: Calls, *, name: str, own: Settings, endpoint: str = "", named: bool = False) -> None:
        super().__init__()
        self.calls = calls
        self.name = name
        self.named = named
        self._own = own
        self._endpoint = endpoint

    @property
    def region(self) -> str:
        """The AWS region."""
        return self.calls.region

    @cached_read
    def found_stack(self) -> Stack | None:
        """The stack; None where none of this name exists."""
        return read_stack(self.calls, self.name)

    def stack(self) -> Stack:
        """The stack. Raises BadInputError where it does not exist: checks that need it are left out."""
        found = self.found_stack()
        if found is None:
            raise BadInputError(f"left out: there is no stack {self.name} in {self.region}")
        return found

    @cached_read
    def function(self, logical_id: str) -> Function | None:
        """The stack's function with this logical id; None where the stack has none or it was deleted."""
        name = self.stack().id_of(logical_id)
        return functions.read_function(self.calls, name) if name else None

    def own_functions(self) -> dict[str, Function | None]:
        """The functions of the stack by name; None for one that was deleted."""
        ids = [id_ for id_, resource in self.stack().resources.items() if resource.type == "AWS::Lambda::Function"]
        return {self.stack().id_of(id_): self.function(id_) for id_ in ids}

    @cached_read
    def settings(self) -> Settings:
        """The settings that ship runs with; this process's where there is no stack. Raises MisconfiguredError that names every fault."""
        if self.found_stack_or_none() is None:
            return self._with_endpoint(self._own)
        ship = self.function("ShipFunction")
        if ship is None:
            raise BadInputError("the function ship is gone, and its settings with it")
        return self._with_endpoint(self.settings_of(ship))

    def settings_of(self, function: Function) -> Settings:
        """The settings in a function's environment variables. Raises MisconfiguredError that names every fault."""
        given = {key: value for key, value in function.environment.items() if key not in _IN_PACKAGE}
        return Settings.from_environment({**given, "AWS_REGION": self.region})

    def found_stack_or_none(self) -> Stack | None:
        """The stack; None where it does not exist or can't be read."""
        try:
            return self.found_stack()
        except TracejoinError:
            return None

    def _with_endpoint(self, settings: Settings) -> Settings:
        endpoint = self._endpoint or settings.endpoint
        if endpoint != settings.endpoint or (self._own.has_login and endpoint == self._own.endpoint):
            # a login is only for the endpoint that it was set beside
            settings = replace(settings, endpoint=endpoint, opensearch_secret=self._own.opensearch_secret, username=self._own.username,
                               password=self._own.password)  # fmt: skip
        return replace(settings, region=self.region or settings.region, ca=self._own.ca, insecure=self._own.insecure)

    @cached_read
    def store(self) -> Store:
        """The Store of the endpoint in `settings`."""
        return store_for(self.settings())

    @cached_read
    def reached(self) -> opensearch.Reached:
        """The response of OpenSearch to an empty search."""
        return opensearch.reach(self.store())

    def open_store(self) -> Store:
        """The Store, known to be searchable. Raises BadInputError where it is not."""
        if self.reached().status != 200:  # noqa: PLR2004
            raise BadInputError(f"left out: OpenSearch at {self.store().endpoint} could not be searched")
        return self.store()

    @cached_read
    def changes(self) -> list[Change]:
        """The changes that `tracejoin setup` would make."""
        return opensearch.read_changes(self.open_store(), self.settings().retention_days)

    @cached_read
    def saved_objects(self) -> list[Change]:
        """The changes that `tracejoin setup` would make in Dashboards."""
        return opensearch.read_saved_objects(self.settings())
