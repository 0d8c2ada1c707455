"""Configure: makes the objects that the rooms work with from the settings. Rooms take values; only programs know settings.

Each function imports what it makes: a cold start pays for nothing that it does not use.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from pipeline.settings import Settings

if TYPE_CHECKING:
    import ssl

    from botocore.config import Config

    from pipeline.alert.message import ConsoleLinks
    from pipeline.alert.sns import Topic
    from pipeline.detect.rule import Rules
    from pipeline.detect.verdict import Evaluator, Verdict
    from pipeline.model.trace_state import TraceState
    from pipeline.provision.dashboards import Dashboards
    from pipeline.redact.redactor import Redactor
    from pipeline.retain.policy import Policy
    from pipeline.store.client import Store
    from pipeline.topology.map_upkeep import MapUpkeep
    from pipeline.traces.sources.source import TraceSource


def store_for(settings: Settings) -> "Store":
    """Makes a Store for the settings' OpenSearch; no request is sent yet, and no secret read.

    Raises MisconfiguredError where the endpoint can't be used, or requests have to be signed and credentials or the region are missing.
    """
    from pipeline.store.connect import connect

    return connect(settings.endpoint, service=settings.service, region=settings.region, username=settings.username,
                   password=settings.password, secret=settings.opensearch_secret, prefix=settings.prefix,
                   tls=_tls_for(settings))  # fmt: skip


def _tls_for(settings: Settings) -> "ssl.SSLContext | None":
    """What OpenSearch's certificate is checked with: the settings' authorities, or nothing; None for the system's authorities."""
    if not settings.ca and not settings.insecure:
        return None
    import ssl

    context = ssl.create_default_context(cafile=settings.ca or None)
    if settings.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@lru_cache(maxsize=8)
def _redactor(keys: tuple[str, ...], patterns: tuple[str, ...], classes: tuple[str, ...], *, on: bool) -> "Redactor":
    from pipeline.redact.redactor import Redactor

    return Redactor(keys, patterns, classes, on=on)


def redactor_for(settings: Settings) -> "Redactor":
    """Returns the redactor for the settings; the same object for equal settings."""
    return _redactor(settings.redact_keys, settings.redact_patterns, settings.redact_classes, on=settings.redact)


def rules_for(settings: Settings) -> "Rules":
    """Returns the rules by name: the default ones, changed by the settings' rule file. Raises MisconfiguredError if that file is wrong."""
    if not settings.rules_file:
        from pipeline.detect.rule import default_rules

        return default_rules()
    from pipeline.detect.rule_file import read_rule_file

    return read_rule_file(settings.rules_file)


def policy_for(settings: Settings) -> "Policy":
    """Returns what of healthy traffic is kept: all without a policy file. Raises MisconfiguredError if that file is wrong."""
    if not settings.policy_file:
        from pipeline.retain.policy import KEEP_ALL

        return KEEP_ALL
    from pipeline.retain.policy_file import read_policy_file

    return read_policy_file(settings.policy_file)


def map_upkeep_for(settings: Settings, store: "Store", clock: Callable[[], float]) -> "MapUpkeep":
    """Makes what keeps the stored service maps; ``clock`` returns seconds since the epoch. Raises MisconfiguredError for a wrong policy."""
    from pipeline.topology.map_upkeep import MapUpkeep

    policy = policy_for(settings)
    deletes = policy.samples or policy.days.spans > 0
    return MapUpkeep(store, days=settings.retention_days, only_adds=deletes, clock=clock)


def evaluator_for(settings: Settings) -> "Evaluator":
    """Returns a function that evaluates a trace's state by the settings' rules. It imports `detect` at its first call."""
    loaded: list[Evaluator] = []

    def evaluate_state(state: "TraceState") -> "Verdict":
        if not loaded:
            from pipeline.detect.evaluate import evaluate

            give_up_after = max(settings.lookup_delays) * 1000
            loaded.append(partial(evaluate, rules=rules_for(settings), give_up_after_ms=give_up_after, account=settings.own_account))
        return loaded[0](state)

    return evaluate_state


def trace_source_for(settings: Settings, client: Callable[[], Any], elsewhere: "Config | None" = None) -> "TraceSource":
    """Makes the trace source that the settings name; for `auto`, the one that each account's X-Ray serves.

    Args:
        settings: the source, the format of retrievals, the role in other accounts, and an account's budget of calls, which the workers
            share equally.
        client: makes boto3's `xray` client; not called for `aws/spans`.
        elsewhere: boto3's configuration of the clients of other accounts and regions; None if only this one is asked.
    """
    if settings.trace_source == "aws/spans":
        from pipeline.traces.sources.spans_subscription import SpansSubscription

        return SpansSubscription()
    home = _looking_up(settings, client())
    if elsewhere is None:
        return home
    from pipeline.model.places import Place
    from pipeline.traces.sources.account_reach import AccountReach
    from pipeline.traces.sources.account_sources import AccountSources

    reach = AccountReach(Place(settings.own_account, settings.region), partial(_looking_up, settings), config=elsewhere,
                         role_arn=settings.trace_reader_role_arn, external_id=settings.trace_reader_external_id)  # fmt: skip
    return AccountSources(home, reach)


def _looking_up(settings: Settings, client: Any) -> "TraceSource":
    """Makes the source of one account and region, with a budget of its own."""
    from pipeline.traces.sources.batch_get_traces import BatchGetTraces
    from pipeline.traces.sources.budget import CallBudget
    from pipeline.traces.sources.chosen_source import ChosenSource
    from pipeline.traces.sources.trace_retrieval import TraceRetrieval

    budget = CallBudget(settings.lookups_per_minute / settings.workers)
    if settings.trace_source == "auto":
        return ChosenSource(client, budget, settings.trace_format)
    if settings.trace_source == "StartTraceRetrieval":
        return TraceRetrieval(client, budget, trace_format=settings.trace_format)
    return BatchGetTraces(client, budget)


def console_links_for(settings: Settings) -> "ConsoleLinks":
    """Returns where an alert's links lead: X-Ray's console, OpenSearch Dashboards, which Amazon's domains have, and the page."""
    from pipeline.alert.message import ConsoleLinks

    return ConsoleLinks(region=settings.region, dashboards=_dashboards_url(settings), page=settings.page_url,
                        account=settings.own_account)  # fmt: skip


def dashboards_for(settings: Settings) -> "Dashboards | None":
    """Makes what speaks to the settings' Dashboards, with OpenSearch's login or signature; None where it is not known where it is.

    No request is sent yet, and no secret read. Raises MisconfiguredError where its address can't be used, or would show a password.
    """
    from pipeline.errors import MisconfiguredError
    from pipeline.model.service_url import endpoint_url, keeps_a_password
    from pipeline.provision.dashboards import Dashboards
    from pipeline.provision.dashboards_access import Signature, login_of

    if not _dashboards_url(settings):
        return None
    try:
        url = endpoint_url(_dashboards_url(settings))
    except ValueError as error:
        raise MisconfiguredError([f"the address of Dashboards {error}"]) from None
    if settings.has_login:
        if not keeps_a_password(url):
            raise MisconfiguredError(
                ["Dashboards is at plain http on another computer, which would show the password on the way: use https"]
            )
        return Dashboards(url, login_of(settings.username, settings.password, settings.opensearch_secret), _tls_for(settings))
    # another host's own login is unknown, and it is not Amazon's
    is_amazons = settings.service and Settings(endpoint=url).service
    signs = is_amazons or (settings.service and url.startswith(f"{settings.endpoint}/"))
    return Dashboards(url, Signature(settings.service, settings.region) if signs else None, _tls_for(settings))


def _dashboards_url(settings: Settings) -> str:
    """Where Dashboards is: where the settings say, else below an Amazon endpoint; empty where that is unknown."""
    return settings.dashboards_url or (f"{settings.endpoint}/_dashboards" if settings.service else "")


def alert_topic_for(settings: Settings) -> "Topic | None":
    """Makes the SNS topic that the settings name, in its own region, with the credentials that boto3 finds; None without a topic."""
    if not settings.alert_topic:
        return None
    import boto3
    from botocore.config import Config

    from pipeline.alert.sns import Topic

    # short timeouts: a late alert is better than a function that runs out of time
    config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
    region = settings.alert_topic.split(":")[3]
    return Topic(boto3.client("sns", region_name=region, config=config), settings.alert_topic)
