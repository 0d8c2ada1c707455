"""The search language: what a person types, read and written again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BadInputError
from pipeline.search.query import STATES, SearchQuery, clauses
from pipeline.search.question import KEYS, Question, Term, parse_arguments, parse_question, search_query, unknown_key

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
TRACE = "1-5759e988-bd862e3fe1be46a994272793"
TEXTS = st.text(min_size=1).filter(lambda text: text.strip() != "")


def query(question: str, **options) -> SearchQuery:
    """The query of a question."""
    return search_query(parse_question(question), now=NOW, zone=UTC, **options)


def test_each_kind_of_term():
    """Keys, phrases, ids and words go to the fields of their own, and times become moments."""
    found = query(
        f'service:orders service:"my shop" level:ERROR since:2h "not found" {TRACE} timeout c-9 group:/aws/lambda/orders hidden:yes'
    )
    assert (found.service, found.level, found.since) == (("orders", "my shop"), "error", NOW - timedelta(hours=2))
    assert (found.phrase, found.ids, found.words, found.whole) == (("not found",), (TRACE,), ("timeout", "c-9"), True)
    assert (found.log_group, found.hidden_faults) == (("/aws/lambda/orders",), True)


@pytest.mark.parametrize("alias", ["log-group:x", "hidden-faults:yes", "trace-id:x", "correlation-id:x", "REQUEST-ID:x"])
def test_the_options_names_are_keys_too(alias):
    """What the command line calls an option may be written as a key."""
    (term,) = parse_question(alias).terms
    assert term.key in KEYS


def test_a_minus_excludes():
    """An excluded term is a clause of its own, that must not match."""
    found = query('-healthcheck -service:"a b" hidden:no')
    assert [name for name, _ in found.excluded] == ["hidden:no", "-healthcheck", '-service:"a b"']
    assert clauses(found)['-service:"a b"'] == {"bool": {"must_not": [{"bool": {"filter": [{"terms": {"serviceName": ["a b"]}}]}}]}}
    assert not found.words
    assert not found.service


@pytest.mark.parametrize(
    ("text", "said"),
    [("since:soon", "'soon' is no time"), ('"abc', "close it"), ('service:"abc', "close it"), ("service: orders", "service: has no value"),
     ('""', "has no value"), ("level:loud", "level is one of trace, debug"), ("kind:trace", "kind is one of log, span"),
     ("state:done", "pending, partial"), ("hidden:maybe", "yes, no"), ("level:error level:warn", "counts once"), ("-since:2h", "take the minus away"),
     ("exact:yes exact:no", "counts once")],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(text, said):
    """A bad value is one sentence that names the term."""
    with pytest.raises(BadInputError, match=said) as raised:
        query(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("word", "key"), [("user:42", "user"), ("Servce:x", "Servce"), ("https://a.b/c", ""), ("arn:aws:sns:x", ""), ("urn:x:y", ""),
                                           ("10:00:00", ""), ("Error:", ""), ("a.b.C:1", ""), ('{"a":1}', "")])  # fmt: skip
def test_what_looks_like_a_key(word, key):
    """A word with a colon is suspected of a mistyped key; addresses, resources, times and JSON are not."""
    assert unknown_key(word) == key
    assert query(word).words == (word,)


def test_options_and_terms_add_up():
    """Several values are those of both; what counts once must not contradict."""
    found = query("service:a level:error exact:yes", service=("b",), text=("x y",), whole=True)
    assert (found.service, found.level, found.text, found.whole) == (("b", "a"), "error", ("x y",), False)
    assert query("level:error", level="error").level == "error"
    with pytest.raises(BadInputError, match="level is given twice"):
        query("level:error", level="warn")


def test_an_argument_of_bare_words_is_one_word():
    """A shell's quotation marks keep an id with spaces whole; a whole question as one argument is read as one."""
    assert [term.value for term in parse_arguments(["an id", "b c-9"]).terms] == ["an id", "b c-9"]
    assert parse_arguments(["service:a level:error x"]) == parse_question("service:a level:error x")


def test_a_tracing_header_may_hold_spaces():
    """It is one id in the bar, too; a value that looks like one stays a value."""
    header = f"Root={TRACE}; Parent=53995c3f42cd8ad8; Sampled=1"
    assert query(header).ids == (header,)
    assert query(f'level:error service:"x; root={TRACE}; y"').service == (f"x; root={TRACE}; y",)


@pytest.mark.parametrize("text", ["hidden:yes hidden:no", "hidden:no hidden:yes"])
def test_contradictions_are_told(text):
    """In either order."""
    with pytest.raises(BadInputError, match="counts once"):
        query(text)


def test_terms_are_added_and_taken_away():
    """What counts once is replaced; the rest gathers, each once."""
    question = parse_question("service:a since:2h x")
    assert str(question.with_term("since", "1h").with_term("service", "b").with_term("service", "b")) == "service:a x since:1h service:b"
    assert str(question.without_key("since").without_term(Term("x"))) == "service:a"


@given(st.text())
def test_any_text_is_a_question_or_one_sentence(text):
    """Whatever is typed is read, or refused with one sentence; nothing else is raised. What is read means the same when it is written."""
    try:
        question = parse_question(text)
    except BadInputError:
        return
    assert parse_question(str(question)) == question
    try:
        search_query(question, now=NOW, zone=UTC)
    except BadInputError:
        return


@given(st.lists(st.builds(Term, TEXTS, st.sampled_from([*KEYS]), st.booleans()), max_size=5))
def test_each_value_survives_writing(terms):
    """Quotation marks, backslashes, white space and colons in values come back as they were."""
    assert parse_question(str(Question(tuple(terms)))).terms == tuple(terms)


@given(TEXTS)
def test_a_value_never_becomes_another_term(value):
    """A service's name, which a log line may choose, stays one term when a link adds it to a question."""
    question = parse_question("level:error").with_term("service", value)
    found = search_query(parse_question(str(question)), now=NOW)
    assert (found.service, found.level, found.words, found.excluded) == ((value,), "error", (), ())


def test_each_state_can_be_asked_for():
    """Every state that a trace can be in is a value of state:."""
    assert query(" ".join(f"state:{state}" for state in STATES)).state == STATES
