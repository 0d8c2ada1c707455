"""Page context: what every page needs, as values."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request

from pipeline.detect.rule import Rules, default_rules
from pipeline.model.log_groups import API_GATEWAY_LOG_GROUPS
from pipeline.store.client import Store
from pipeline.web.access import Access
from pipeline.web.sent_letters import SendLetters


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """What the pages show, and who may see it.

    Attributes:
        store: OpenSearch.
        access: who may see the pages.
        lookup_delays: seconds between the look-ups of a trace.
        rules: the rules by name, as the settings have them.
        api_gateway: names of the log groups of API Gateway, with `*` and `?`.
        read_only: whether nothing can be changed from the page.
        send_letters: sends dead letters again; None where the page offers no such thing, as with read_only.
        author: the name under which changes of issues are kept, unless a form gives another one.
        clock: returns the present, in seconds since the epoch.
    """

    store: Store
    access: Access
    lookup_delays: tuple[int, ...] = (10, 30, 120, 600)
    rules: Rules = field(default_factory=default_rules)
    api_gateway: tuple[str, ...] = API_GATEWAY_LOG_GROUPS
    read_only: bool = False
    send_letters: SendLetters | None = None
    author: str = ""
    clock: Callable[[], float] = time.time


def page_of(request: Request) -> PageContext:
    """Returns the context of the application that ``request`` came to."""
    found: PageContext = request.app.state.page
    return found
