"""Inbox: the page with the issues, and what a person decides about one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from pipeline.errors import BadInputError
from pipeline.issues.decide import decide, find_issue
from pipeline.issues.decision import VERBS, Decision
from pipeline.issues.issue import STATES
from pipeline.search.issue_list import list_issues, unlisted_faults
from pipeline.search.time_expressions import parse_end, parse_time
from pipeline.web.formats import with_query
from pipeline.web.inbox_page import issue_row
from pipeline.web.page_context import page_of
from pipeline.web.rendering import render

_USUAL: Final = "7d"
_TIMES: Final = (("1h", "1 h"), ("24h", "24 h"), ("7d", "7 d"), ("14d", "14 d"))
_MOST_ROWS: Final = 200


def _inbox(request: Request) -> Response:
    page, asked = page_of(request), request.query_params.get("since") or _USUAL
    state = request.query_params.get("state", "")
    if state and state not in STATES:
        raise BadInputError(f"{state[:40]!r} is no state of an issue: it is one of {', '.join(STATES)}")
    now, begun = datetime.fromtimestamp(page.clock(), UTC), page.store.left_out.now()
    since = parse_time(asked, now=now, zone=UTC)
    found = list_issues(page.store, now=now, states=[each for each in STATES if each == state], since=since)
    bounds = {"since": int(since.timestamp() * 1000), "until": int(now.timestamp() * 1000)}
    period, chosen = "" if asked == _USUAL else asked, state
    times = [(name, with_query("/", since="" if text == _USUAL else text, state=chosen), text == asked) for text, name in _TIMES]
    states = [(name or "all", with_query("/", since=period, state=name), name == chosen) for name in ("", *STATES)]
    return render(
        request,
        "inbox.html",
        rows=[issue_row(listed, **bounds) for listed in found[:_MOST_ROWS]],
        found=len(found),
        times=times,
        states=states,
        since=period,
        state=chosen,
        author=page.author,
        unlisted=0 if state else unlisted_faults(page.store, since=since),
        left_out=sorted(page.store.left_out.since(begun)),
    )


async def _decide(request: Request) -> Response:
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
    # it waits for OpenSearch, so it works in a thread
    return await run_in_threadpool(_decided, request, form)


def _decided(request: Request, form: Mapping[str, str]) -> Response:
    page, now = page_of(request), datetime.fromtimestamp(page_of(request).clock(), UTC)
    verb = next((verb for verb in VERBS if verb == form.get("verb")), None)
    if verb is None:
        raise BadInputError(f"this form decides nothing: expected one of {', '.join(VERBS)}")
    end, times = (form.get(name, "").strip() for name in ("until", "times"))
    if times and not (times.isascii() and times.isdecimal() and int(times[:20])):
        raise BadInputError(f"{times[:20]!r} is no number of traces: expected a whole number above 0")
    version = form.get("version", "").strip()
    # the key Enter presses the first button, whichever field it was meant for
    for given, own, field in ((end or times, "mute", "the end of a mute"), (version, "resolve", "a version")):
        if given and verb != own:
            raise BadInputError(f"the form has {field}, and the button was not that of {own}: press that one, or empty the field")
    decision = Decision(
        verb=verb,
        by=" ".join((form.get("by") or page.author).split()),
        at=int(now.timestamp() * 1000),
        note=form.get("note", "").strip(),
        version=version,
        until=int(parse_end(end, now=now, zone=UTC).timestamp() * 1000) if end else 0,
        times=int(times[:20] or 0),
    )
    issue = find_issue(page.store, form.get("issue", ""))
    decide(page.store, issue.id, decision)
    # to load the page again decides nothing again
    address = with_query("/", since=form.get("since", ""), state=form.get("state", ""))
    return RedirectResponse(f"{address}#issue-{issue.id}", status_code=303)


def _back(_: Request) -> Response:
    # the address of a form that was refused, loaded again
    return RedirectResponse("/", status_code=303)


ROUTES: list[BaseRoute] = [Route("/", _inbox), Route("/issues", _decide, methods=["POST"]), Route("/issues", _back)]
