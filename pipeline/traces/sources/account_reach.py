"""Account reach: finds the way to the traces of another account or region: a monitoring account's links, else a role to assume.

Sources: CloudWatch Observability Access Manager API reference, ListSinks and ListAttachedLinks; AWS STS API reference, AssumeRole (a
session of an hour, an external id, an endpoint in each region).
"""

import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials, create_assume_role_refresher
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from pipeline.errors import MisconfiguredError
from pipeline.model.places import ACCESS, ACCOUNT_PLACEHOLDER, Place
from pipeline.traces.sources.linked_accounts import sharing_traces
from pipeline.traces.sources.source import TraceSource
from pipeline.traces.sources.xray_client import mapped_error

# seconds; somebody may link an account while a worker lives
_LINKS_LIFE = 600.0
_FAILURES = (ClientError, BotoCoreError, ResponseParserError)


class AccountReach:
    """The ways to the traces of other accounts and regions, as `Reach`.

    Args:
        home: the stack's own account and region; of an account that is not known yet AWS is asked.
        make: makes a source of boto3's `xray` client, with a budget of its own.
        config: the configuration of all clients.
        role_arn: the ARN of the role to assume, with a placeholder for the account; empty for none.
        external_id: what the role's trust policy demands; empty for nothing.
        clock: monotonic time in seconds.
    """

    def __init__(self, home: Place, make: Callable[[Any], TraceSource], *, config: Config, role_arn: str = "", external_id: str = "",
                 clock: Callable[[], float] = time.monotonic) -> None:  # fmt: skip
        self._home = home
        self._make = make
        self._config = config
        self._role_arn = role_arn
        self._external_id = external_id
        self._clock = clock
        self._links: frozenset[str] = frozenset()
        self._links_until = float("-inf")

    def is_seen(self, place: Place) -> bool:
        """As `Reach.is_seen`. Without a role and an account of its own, everything is: nothing tells the accounts apart."""
        own = self._own_account()
        if not own or place == (own, self._home.region):
            return True
        return place.region == self._home.region and place.account in self._linked()

    def source(self, place: Place) -> TraceSource:
        """As `Reach.source`."""
        if place.account == self._own_account():
            return self._make(boto3.client("xray", region_name=place.region, config=self._config))
        if not self._role_arn:
            raise MisconfiguredError([f"there is no way to its traces: {ACCESS}"])
        try:
            return self._make(self._assumed(place).client("xray", region_name=place.region, config=self._config))
        except _FAILURES as error:
            raise mapped_error(error) from error

    def _own_account(self) -> str:
        """The stack's own account; empty where AWS does not say, which the look-ups in it will tell of."""
        if not self._home.account and self._role_arn:
            try:
                self._home = self._home._replace(account=self._sts.get_caller_identity()["Account"])
            except _FAILURES:
                return ""
        return self._home.account

    def _linked(self) -> frozenset[str]:
        """The accounts whose traces X-Ray shows in the stack's own; none where it is no monitoring account, or its role may not tell."""
        now = self._clock()
        if now >= self._links_until:
            try:
                self._links = _linked_accounts(boto3.client("oam", region_name=self._home.region, config=self._config))
            except _FAILURES:
                self._links = frozenset()
            self._links_until = now + _LINKS_LIFE
        return self._links

    def _assumed(self, place: Place) -> boto3.Session:
        """The session of the role in an account; it assumes the role at the first call, and again before its credentials end."""
        role_arn = self._role_arn.replace(ACCOUNT_PLACEHOLDER, place.account)
        request = {
            "RoleArn": role_arn,
            "RoleSessionName": f"tracejoin-{self._home.account}",
        }
        if self._external_id:
            request["ExternalId"] = self._external_id
        session = self._session()
        provider = _Assumed(create_assume_role_refresher(self._sts, request))
        session.register_component("credential_provider", CredentialResolver([provider]))
        return boto3.Session(botocore_session=session)

    @cached_property
    def _sts(self) -> Any:
        """The STS client of the stack's own region; the credentials that it gives hold in all regions."""
        session = self._session()
        session.set_config_variable("sts_regional_endpoints", "regional")
        return boto3.Session(botocore_session=session).client("sts", region_name=self._home.region, config=self._config)

    def _session(self) -> Any:
        """A session of botocore that shares what was loaded for the others: one of its own would take megabytes an account."""
        session = botocore.session.get_session()
        session.register_component("data_loader", self._loader)
        return session

    @cached_property
    def _loader(self) -> Any:
        return botocore.session.get_session().get_component("data_loader")


class _Assumed(CredentialProvider):  # type: ignore[misc]  # botocore has no types
    """Provides the credentials of an assumed role."""

    METHOD = "assume-role"

    def __init__(self, refresh: Callable[[], Any]) -> None:
        super().__init__()
        self._refresh = refresh

    def load(self) -> DeferredRefreshableCredentials:
        """The credentials, which are fetched when they are needed."""
        return DeferredRefreshableCredentials(refresh_using=self._refresh, method=self.METHOD)


def _linked_accounts(oam: Any) -> frozenset[str]:
    """The ids of the accounts that share their traces, read by boto3's ``oam`` client."""
    sinks = [sink["Arn"] for page in oam.get_paginator("list_sinks").paginate() for sink in page.get("Items", ())]
    return sharing_traces(link for sink in sinks for page in oam.get_paginator("list_attached_links").paginate(SinkIdentifier=sink)
                          for link in page.get("Items", ()))  # fmt: skip
