"""Recovery: which failures a later attempt made good."""

from tests.support.events import NOW, call, edge, powertools
from tests.support.verdicts import behind_edge, fired, verdict_of


def test_a_call_that_was_retried_with_success_is_no_finding():
    """The same call, made again later under the same parent, went well."""
    first = call("mail", "c" * 16, fault=True, http={"response": {"status": 503}})
    again = call("mail", "d" * 16, start_time=NOW / 1000 + 0.04, end_time=NOW / 1000 + 0.05, http={"response": {"status": 200}})
    assert verdict_of(*behind_edge(inside=[first, again])).findings == ()
    assert verdict_of(*behind_edge(inside=[first])).hidden_fault


def test_an_error_beside_a_repeated_call_is_made_good():
    """A line written between a call that failed and the same call's success tells of what was tried again; one written later does not."""
    first = call("mail", "c" * 16, fault=True, http={"response": {"status": 503}}, end_time=NOW / 1000 + 0.03)
    again = call("mail", "d" * 16, start_time=NOW / 1000 + 0.04, end_time=NOW / 1000 + 0.05, http={"response": {"status": 200}})
    failed = [powertools("mail failed", level="ERROR")]
    assert fired(verdict_of(*behind_edge(inside=[first, again]), lines=failed, at=NOW + 30)) == set()
    assert fired(verdict_of(*behind_edge(inside=[first, again]), lines=failed, at=NOW + 80)) == {("edge-ok-error-log", "alert")}


def test_a_repetition_of_a_whole_call_makes_good_what_failed_inside():
    """A service is called, fails deep inside, is called again and answers: nothing below the first call is a finding."""

    def called(letter, at, status):
        api = call("api", letter * 16, http={"request": {"method": "GET", "url": "https://x/b"}, "response": {"status": status}},
                   start_time=NOW / 1000 + at, end_time=NOW / 1000 + at + 0.01, fault=status >= 500)  # fmt: skip
        inner = edge(status, letter * 15 + "1", parent_id=letter * 16, fault=status >= 500, subsegments=[
            call("db", letter * 15 + "2", fault=status >= 500, http={"response": {"status": status}})])  # fmt: skip
        return api, inner

    (bad, bad_inner), (good, good_inner) = called("c", 0.02, 500), called("d", 0.05, 200)
    assert fired(verdict_of(*behind_edge(inside=[bad]), bad_inner)) == {("edge-ok-downstream-fault", "alert")}
    assert fired(verdict_of(*behind_edge(inside=[bad, good]), bad_inner, good_inner)) == set()


def test_calls_of_two_functions_are_no_repetition():
    """One function fails, another is invoked with success: the X-Ray SDK names both calls alike, but for the function."""
    bad, good = (call("lambda", letter * 16, namespace="aws", http={"response": {"status": 200}}, start_time=NOW / 1000 + at, end_time=NOW / 1000 + at + 0.01,
                      aws={"operation": "Invoke", "function_name": name} | more)
                 for letter, name, at, more in (("c", "stock", 0.02, {"function_error": "Unhandled"}), ("d", "mail", 0.04, {})))  # fmt: skip
    assert fired(verdict_of(*behind_edge(inside=[bad, good]))) == {("invoke-ok-function-error", "alert")}
    good["aws"]["function_name"] = "stock"
    assert fired(verdict_of(*behind_edge(inside=[bad, good]))) == set()
