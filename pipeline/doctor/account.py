"""Account: the resources that the checks evaluate, each read when a check first needs it, and kept, also where the read failed."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from pipeline.doctor.cached import cached_read
from pipeline.doctor.collect import functions, gateway, logs, metrics, xray
from pipeline.doctor.deployment import Deployment
from pipeline.doctor.resources import Function, Permission, Sampling, Stage, Traffic
from pipeline.doctor.subscription_state import AccountPolicy, Selection, Subscriptions
from pipeline.errors import BadInputError, TracejoinError
from pipeline.model.log_groups import SPANS_LOG_GROUP
from pipeline.provision.desired_state import Change
from pipeline.provision.subscriptions.log_groups import LogGroup
from pipeline.provision.subscriptions.selector import PIPELINE_TAG, LogGroupSelector
from pipeline.store.client import Store

T = TypeVar("T")

MOST_CALLS: Final = 1000
"""The number of log groups whose filters are read, and of APIs of each kind whose stages are read: a call each."""


class Account(Deployment):
    """A deployment and the resources of its AWS account and region. Every method raises a TracejoinError where a read fails."""

    def installed_store(self) -> Store:
        """The same as `open_store`. Raises BadInputError also where nothing is installed in it: that it holds nothing proves nothing."""
        store, nothing = self.open_store(), list[Change]()
        templates = [change.action for change in self._known(self.changes, nothing) if change.kind == "index template"]
        if templates and set(templates) == {"created"}:
            raise BadInputError(f"left out: nothing is installed at {store.endpoint} for the prefix {store.prefix!r}")
        return store

    @cached_read
    def selection(self) -> Selection:
        """Which log groups the stack is set to subscribe, and by which filter."""
        function = self.function("SubscribeFunction")
        if function is None:
            raise BadInputError("left out: the stack has no SubscribeFunction that says which log groups it wants")
        settings = self.settings_of(function)
        own = frozenset(each.log_group for each in self.own_functions().values() if each)
        return Selection(
            wants=LogGroupSelector(settings.log_groups, settings.log_group_tag, own).wants,
            filter_name=settings.filter_name,
            filter_pattern=settings.filter_pattern,
        )

    @cached_read
    def functions(self) -> tuple[Function, ...]:
        """Every Lambda function of the region."""
        return functions.read_functions(self.calls)

    @cached_read
    def log_groups(self) -> Mapping[str, LogGroup]:
        """Every log group of the region, by name."""
        return logs.read_log_groups(self.calls)

    @cached_read
    def tags(self) -> Mapping[str, Mapping[str, str]]:
        """The tags of log groups, by the log group's name."""
        return logs.read_tags(self.calls)

    @cached_read
    def policies(self) -> tuple[AccountPolicy, ...]:
        """The account-level subscription policies."""
        return logs.read_account_policies(self.calls)

    @cached_read
    def wanted(self) -> list[LogGroup]:
        """The log groups that the stack is set to subscribe, including those whose class can't be subscribed."""
        wants, tags = self.selection().wants, self.tags()
        return [group for name, group in self.log_groups().items() if wants(name, tags.get(name, {}))]

    @cached_read
    def own_groups(self) -> frozenset[str]:
        """The names of the log groups of this stack's functions."""
        return frozenset(each.log_group for each in self.own_functions().values() if each)

    @cached_read
    def other_groups(self) -> frozenset[str]:
        """The names of other tracejoin stacks' log groups, known by their tag or their functions' environment variables."""
        tagged = {name for name, tags in self.tags().items() if PIPELINE_TAG in tags}
        return frozenset(tagged | {each.log_group for each in self.functions() if each.is_pipeline}) - self.own_groups()

    @cached_read
    def subscriptions(self) -> Subscriptions:
        """The subscriptions of the log groups; those that the stack wants or must not have are read first."""
        no_names: tuple[str, ...] = ()
        first = [*self._known(self._wanted_names, no_names), *self.own_groups(), *self._known(self._other_names, no_names), SPANS_LOG_GROUP]
        ordered = [name for name in dict.fromkeys((*first, *self.log_groups())) if name in self.log_groups()]
        return Subscriptions(
            groups=self.log_groups(),
            filters=logs.read_filters(self.calls, ordered[:MOST_CALLS]),
            unread=tuple(ordered[MOST_CALLS:]),
            policies=self._known(self.policies, ()),
            stack=self.stack(),
        )

    def _wanted_names(self) -> tuple[str, ...]:
        return tuple(group.name for group in self.wanted())

    def _other_names(self) -> tuple[str, ...]:
        return tuple(self.other_groups())

    @cached_read
    def subscribed_names(self) -> frozenset[str]:
        """The names of the log groups whose events reach ship."""
        return frozenset(group.name for group in self.subscriptions().subscribed())

    @staticmethod
    def _known(read: Callable[[], T], otherwise: T) -> T:
        """The result of ``read``, or ``otherwise`` where it fails; another check reports that failure."""
        try:
            return read()
        except TracejoinError:
            return otherwise

    def filter_name(self) -> str:
        """The name of the stack's subscription filters; the usual one where the stack can't be read."""
        return self._known(lambda: self.selection().filter_name, f"{self.name}-ship")

    def ship_permissions(self) -> tuple[Permission, ...]:
        """The services that may invoke the ship function."""
        return functions.read_permissions(self.calls, self.stack().id_of("ShipFunction"))

    @cached_read
    def rest_stages(self) -> tuple[Stage, ...]:
        """The stages of the region's REST APIs."""
        return gateway.read_rest_stages(self.calls, MOST_CALLS)

    @cached_read
    def http_stages(self) -> tuple[Stage, ...]:
        """The stages of the region's HTTP APIs."""
        return gateway.read_http_stages(self.calls, MOST_CALLS)

    @cached_read
    def destination(self) -> str:
        """Where X-Ray stores segments: `XRay`, or `CloudWatchLogs` where Transaction Search is on."""
        return xray.read_destination(self.calls)

    @cached_read
    def linked_accounts(self) -> frozenset[str]:
        """The ids of the accounts that share their traces with this one."""
        return xray.read_linked_accounts(self.calls)

    @cached_read
    def sampling(self) -> tuple[Sampling, ...]:
        """X-Ray's sampling rules."""
        return xray.read_sampling(self.calls)

    def indexed_share(self) -> float | None:
        """The percentage of spans that Transaction Search indexes; None where it is off or can't be read."""
        return self._known(lambda: xray.read_indexed_share(self.calls) if self.destination() == "CloudWatchLogs" else None, None)

    @cached_read
    def traffic(self) -> Mapping[str, Traffic]:
        """The last hour's invocations, errors and throttles of the stack's functions, by function name."""
        return metrics.read_traffic(self.calls, list(self.own_functions()))

    def reserved(self) -> Mapping[str, int | None]:
        """The reserved concurrency of the stack's functions, by function name; None where nothing is reserved."""
        return {name: functions.read_reserved(self.calls, name) for name in self.own_functions()}
