"""Security roles: gives the functions' IAM roles a role of OpenSearch's security plugin, so that none of them needs a login.

Sources: OpenSearch documentation, "Role mapping APIs" and "Default action groups"; Amazon OpenSearch Service developer guide,
"Fine-grained access control": with an internal user database a domain takes signed requests as well, and an IAM role is mapped as a
backend role, by its ARN.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from pipeline.errors import BadInputError, MisconfiguredError
from pipeline.provision.desired_state import Change, apply
from pipeline.store.client import Store

_API: Final = "/_plugins/_security/api"
_KIND: Final = "security role"
_FORBIDDEN: Final = 403


def install_roles(store: Store, wanted: Iterable[tuple[str, Mapping[str, Any]]], iam_roles: Sequence[str], *, check: bool) -> list[Change]:
    """Creates or updates security roles and maps IAM roles to each; returns the changes. Whoever else is mapped stays mapped.

    Args:
        store: the OpenSearch to install in.
        wanted: names and definitions of the roles.
        iam_roles: the ARNs of the IAM roles.
        check: whether to change nothing; the changes are then those that would be made.

    Raises MisconfiguredError where the login may not manage roles.
    """
    return [change for name, role in wanted for change in _install(store, name, role, iam_roles, check=check)]


def _install(store: Store, name: str, role: Mapping[str, Any], iam_roles: Sequence[str], *, check: bool) -> list[Change]:
    if reason := store.capabilities.absent.get("role"):
        return [Change(_KIND, name, "skipped", reason)]
    try:
        present = _find(store, f"roles/{name}", name)
    except BadInputError:
        # the plugin is missing, and the path with it
        return [Change(_KIND, name, "skipped", "this OpenSearch has no security plugin: IAM or the network alone decides who gets in")]
    changes = [apply(_KIND, name, present, role, check=check, put=lambda: _put(store, f"roles/{name}", role))]
    mapping = _find(store, f"rolesmapping/{name}", name)
    body = _with_roles(mapping or {}, iam_roles)
    put = partial(_put, store, f"rolesmapping/{name}", body)
    return [*changes, apply("security role mapping", name, mapping, body, check=check, put=put)]


def _with_roles(mapping: Mapping[str, Any], iam_roles: Sequence[str]) -> dict[str, Any]:
    """The mapping with these roles added: a PUT replaces it as a whole."""
    whole = {key: mapping.get(key) or [] for key in ("description", "backend_roles", "and_backend_roles", "hosts", "users")}
    whole["backend_roles"] = [*dict.fromkeys((*whole["backend_roles"], *iam_roles))]
    return {key: value for key, value in whole.items() if value}


def _find(store: Store, path: str, name: str) -> dict[str, Any] | None:
    with _explained():
        found = store.find("GET", f"{_API}/{path}")
    with store.understood():
        return found.get(name) if found else None


def _put(store: Store, path: str, body: Mapping[str, Any]) -> None:
    with _explained():
        store.request("PUT", f"{_API}/{path}", body)


@contextmanager
def _explained() -> Iterator[None]:
    """Adds the remedy to the refusal of a login that OpenSearch knows."""
    try:
        yield
    except MisconfiguredError as error:
        if error.status != _FORBIDDEN:
            raise
        remedy = "use the domain's master user, or leave OpenSearchDomainArn empty and the functions log in themselves"
        raise MisconfiguredError([*error.problems, f"the login may not manage roles: {remedy}"]) from error
