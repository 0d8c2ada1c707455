"""Health sends dead letters again: what went through goes, what can't stays and says why, and nobody else makes it happen."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from urllib.parse import urlencode

import pytest

from pipeline.cli.letter_sender import LetterSender
from pipeline.configure import store_for
from pipeline.model.display_controls import DISPLAY_CONTROLS
from tests.support.blocked_index import READ_ONLY, BlockedIndices
from tests.support.events import document, lambda_event
from tests.support.page import TOKEN, page_server
from tests.support.shipping import shipped

MALFORMED = (400, "mapper_parsing_exception", "failed to parse <b>this</b>\r\n\x1b[31m\u202e")
UNREADABLE = "the data is not base64"


def ids(store, kind):
    """The ids of all documents of a kind."""
    store.refresh()
    return sorted(hit.id for hit in store.scan({"match_all": {}}, index=f"{store.prefix}-{kind}"))


def left(store):
    """The ids of the dead letters."""
    return ids(store, "dead-letters")


@contextmanager
def refusing(settings, refusal=MALFORMED):
    """A store and settings behind whose proxy OpenSearch takes no log line."""
    with BlockedIndices(settings.endpoint) as proxy:
        proxy.refusal, proxy.blocked = refusal, {"logs-"}
        behind = replace(settings, endpoint=proxy.endpoint)
        there = store_for(behind)
        yield there, behind
        there.close()


@pytest.fixture
def letters(store, settings):
    """Three lines that OpenSearch refused once, and a record that nobody can read."""
    with refusing(settings) as (there, behind):
        assert shipped(lambda_event(["a", "b", "c"]), there, behind).ledger.dead_lettered == 3
    shipped({"awslogs": {"data": "nonsense!"}}, store, settings)
    return left(store)


@contextmanager
def serving(store, settings, portion=500, **values):
    """A page that can send letters again."""
    with page_server(store, send_letters=LetterSender(store, settings, portion), **values) as page:
        yield page


def fields(form):
    """What a form of the page sends."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


def forms(page, path="/health"):
    """What each of the page's forms sends, by what its button is called."""
    found = re.findall(r'<form method="post" action="/health/letters">(.*?)</form>', page.get(path).text, re.DOTALL)
    return {re.search(r'aria-label="([^"]*)"|>([^<]*)</button>', form).group(1, 2): fields(form) for form in found}


def button(page, start, path="/health"):
    """What the form with this button sends."""
    return next(form for names, form in forms(page, path).items() if any((name or "").startswith(start) for name in names))


def press(page, form, **headers):
    """Sends a form as a browser does."""
    right = {"Content-Type": "application/x-www-form-urlencoded", "Origin": page.address, "Cookie": page.cookie} | headers
    sent = {name: value for name, value in right.items() if value is not None}
    return page.ask("POST", "/health/letters", sent, urlencode(form))


def told(page, answer):
    """The section that tells what became of a portion, as words."""
    assert answer.status == 303, answer.text
    path, _, place = answer.headers["location"].partition("#")
    assert place == "sent"
    section = re.search(r'<section[^>]* id="sent".*?</section>', page.get(path).text, re.DOTALL)[0]
    return " ".join(re.sub(r"<[^>]*>", " ", section).split())


def test_what_goes_through_goes_and_what_can_not_stays(store, settings, letters):
    """The lines are indexed under their own ids and their letters are gone; the record stays, with its reason and its id."""
    with serving(store, settings) as page:
        said = told(page, press(page, button(page, "Send all")))
        (stays,) = left(store)
        assert ids(store, "logs-*") == sorted({*letters} - {stays})
        assert "4 dead letters were tried: 3 went through and are deleted, 1 stays." in said
        assert "indexed 3 duplicate, indexed before 0 filtered 0 dead-lettered again 0" in said
        assert UNREADABLE in said
        assert f"such as {stays}" in said
        assert said.endswith("1 dead letter is left.")


def test_one_reason_alone_is_sent(store, settings, letters):
    """A reason with markup, line ends and marks of direction is one like any other; letters with another one are not touched."""
    with serving(store, settings) as page:
        one = next(form for names, form in forms(page).items() if "failed to parse" in (names[0] or ""))
        shown = page.get("/health").text
        assert "failed to parse &lt;b&gt;this" in shown
        assert "<b>" not in shown
        assert not DISPLAY_CONTROLS.search(shown.replace("\r\n", ""))
        assert "3 dead letters were tried: 3 went through" in told(page, press(page, one))
        assert len(left(store)) == 1
        assert "There is no dead letter with this reason." in told(page, press(page, one | {"click": "0" * 16}))
        assert "There is no dead letter with this reason." in told(page, press(page, one | {"click": "1" * 16, "reason": "<b>"}))
        assert len(left(store)) == 1


def test_letters_of_lines_that_came_meanwhile_are_duplicates(store, settings, letters):
    """Nothing is indexed twice, and the letters go."""
    shipped(lambda_event(["a", "b", "c"]), store, settings)
    before = ids(store, "logs-*")
    with serving(store, settings) as page:
        assert "indexed 0 duplicate, indexed before 3" in told(page, press(page, button(page, "Send all")))
    assert (ids(store, "logs-*"), len(left(store))) == (before, 1)


def test_a_click_is_sent_once(store, settings, letters):
    """A double click, a form that is sent once more, and a page that is loaded again show what was sent, and send nothing."""
    calls = []

    def counting(wants, after):
        calls.append(after)
        return LetterSender(store, settings)(wants, after)

    with page_server(store, send_letters=counting) as page, ThreadPoolExecutor(4) as pool:
        form = button(page, "Send all")
        answers = list(pool.map(lambda _: press(page, form), range(4)))
        assert len({told(page, answer).partition("tried")[2] for answer in [*answers, press(page, form)]}) == 1
        assert len(calls) == 1
        assert len({one["click"] for one in forms(page).values()}) == len(forms(page)) > 1


def test_a_portion_is_bounded_and_the_next_one_goes_on_behind_it(store, settings):
    """Letters that can't go through do not keep those behind them from their turn: each is tried once, until none is left to try."""
    for number in range(120):
        store.write([{"create": {"_index": f"{store.prefix}-dead-letters", "_id": f"{number:03d}"}},
                     {"@timestamp": f"2026-11-29T10:{number // 60:02d}:{number % 60:02d}.000Z", "reason": f"r{number % 2}", "document": "no!"}])  # fmt: skip
    with serving(store, settings, portion=50) as page:
        for reason, portions in ((None, (50, 50, 20)), ("r1", (50, 10))):
            form = button(page, f"Send again: {reason}" if reason else "Send all")
            for number, tried in enumerate(portions, 1):
                answer = press(page, form)
                said = told(page, answer)
                assert f"{tried} dead letters were tried: 0 went through and are deleted, {tried} stay." in said
                assert "120 dead letters are left" in said
                assert ("were tried Send the next portion" in said.replace(". ", " ")) is (number < len(portions))
                if number < len(portions):
                    form = button(page, "Send the next", answer.headers["location"].partition("#")[0])
    assert len(left(store)) == 120


def test_a_slow_opensearch_ends_a_portion_early(store, settings):
    """A person waits for the page: after some seconds no further letters are tried, and the next click goes on behind them."""
    for number in range(3):
        store.write([{"create": {"_index": f"{store.prefix}-dead-letters", "_id": f"{number}"}},
                     {"@timestamp": f"2026-11-29T10:00:0{number}.000Z", "reason": "r", "document": "no!"}])  # fmt: skip
    seconds = count(step=8)
    slow = LetterSender(store, settings, clock=lambda: float(next(seconds)))
    first = slow(bool, ())
    assert 0 < first.kept < 3
    assert first.next is not None
    rest = LetterSender(store, settings)(bool, first.next)
    assert (first.kept + rest.kept, rest.next) == (3, None)


def test_a_rare_reason_is_looked_for_in_portions(store, settings):
    """Where the time is up before one was found the page does not claim that there is none, and the next click finds it."""
    for number in range(120):
        store.write([{"create": {"_index": f"{store.prefix}-dead-letters", "_id": f"{number:03d}"}},
                     {"@timestamp": f"2026-11-29T10:00:00.{number:03d}Z", "reason": "rare" if number == 119 else "usual", "document": "no!"}])  # fmt: skip
    # the first look, and the end of the first fifty; then it is as late as it gets
    seconds = iter((0.0, 15.0))
    with page_server(store, send_letters=LetterSender(store, settings, clock=lambda: next(seconds, 30.0))) as page:
        answer = press(page, button(page, "Send again: rare"))
        said = told(page, answer)
        assert "There is no dead letter with this reason among those that were looked at. 120 dead letters are left, and not all" in said
        again = button(page, "Send the next", answer.headers["location"].partition("#")[0])
        assert "1 dead letter was tried" in told(page, press(page, again))
        store.write([{"delete": {"_index": f"{store.prefix}-dead-letters", "_id": "119"}}])
        assert "There is no further dead letter with this reason. 119" in told(page, press(page, again | {"click": "0" * 16}))


def test_a_portion_that_is_forgotten_begins_anew_with_the_same_reason(store, settings, letters):
    """After a new start of the server an old form's place is unknown, its reason is not."""
    with serving(store, settings) as page:
        form = next(form for names, form in forms(page).items() if UNREADABLE in (names[0] or ""))
        assert "1 dead letter was tried: 0 went through" in told(page, press(page, form | {"after": "f" * 16}))
        assert left(store) == letters
        assert 'id="sent"' not in page.get("/health", sent="f" * 16).text


def test_opensearch_that_takes_nothing_is_one_sentence(store, settings, letters):
    """Where an index is blocked its letters stay with OpenSearch's words; where nothing is installed the page says so and sends nothing."""
    with refusing(settings, READ_ONLY) as (there, behind), serving(there, behind) as page:
        said = told(page, press(page, button(page, "Send all")))
        assert "0 went through and are deleted, 4 stay" in said
        assert "cluster_block_exception" in said
    store.find("DELETE", f"/_index_template/{store.prefix}-*")
    # a store remembers that everything was installed
    another = store_for(settings)
    with serving(another, settings) as page:
        assert "tracejoin setup" in told(page, press(page, button(page, "Send all")))
    another.close()
    assert left(store) == letters


def test_nobody_else_sends(store, settings, letters):
    """Another site, a form without this page's token, a stranger, and a link: each is refused, and each letter stays."""
    with serving(store, settings) as page:
        form = button(page, "Send all")
        for headers, fields_sent, status in (
            ({"Origin": "http://evil.example"}, form, 403), ({"Origin": "null"}, form, 403), ({"Origin": None}, form, 403),
            ({"Sec-Fetch-Site": "cross-site"}, form, 403), ({"Cookie": None}, form, 401), ({}, {"click": form["click"]}, 403),
            ({}, form | {"token": TOKEN}, 403), ({"Content-Type": "text/plain"}, form, 403),
        ):  # fmt: skip
            assert press(page, fields_sent, **headers).status == status, headers
        link = page.ask("GET", f"/health/letters?{urlencode(form)}", {"Cookie": page.cookie})
        assert page.ask("GET", "/health/letters", {"Cookie": page.cookie}).headers["location"] == "/health"
        assert (link.status, left(store)) == (401, letters)
        strange = press(page, form | {"click": "x\r\nSet-Cookie: a=b"})
        assert re.fullmatch(r"/health\?sent=[0-9a-f]{16}#sent", strange.headers["location"])
        assert "set-cookie" not in strange.headers
        # all of it right, but for the click: this one was sent
        assert len(left(store)) == 1


def test_read_only_shows_no_button_and_sends_nothing(store, settings, letters):
    """With --read-only there is nothing to press, and a right form is refused; so it is where the page has nothing to send with."""
    with serving(store, settings, read_only=True) as page:
        assert UNREADABLE in page.get("/health").text
        assert (forms(page), "Send" in re.sub(r"<[^>]*>", "", page.get("/health").text.partition("<main")[2])) == ({}, False)
        assert press(page, {"token": page.context.access.form_token}).status == 403
    with page_server(store) as page:
        assert forms(page) == {}
        assert press(page, {"token": page.context.access.form_token}).status == 404
    assert left(store) == letters


def test_letters_of_log_events_without_a_message_stay(store, settings):
    """An entry of a batch that is no log event is tried, told, and no second letter is made of it."""
    content = document(["good", "bad"])
    del content["logEvents"][1]["message"]
    shipped(content, store, settings)
    before = left(store)
    with serving(store, settings) as page:
        assert "1 dead letter was tried: 0 went through and are deleted, 1 stays." in told(page, press(page, button(page, "Send all")))
    assert left(store) == before
