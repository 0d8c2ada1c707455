"""Which request meets which fault."""

import pytest

from chaos.faults import AFTER, ALL, BEFORE, FaultPlan, kind_of


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("/_bulk?filter_path=errors", "bulk"),
        ("/_mget", "mget"),
        ("/chaos-logs-*,chaos-spans-*/_search?ignore_unavailable=true", "search"),
        ("/chaos-*/_refresh", "refresh"),
        ("/chaos-traces/_delete_by_query", "other"),
        ("/", "other"),
        ("/a_bulk", "other"),
    ],
)
def test_a_request_is_told_by_its_path(target, kind):
    """Every call of the store has a kind."""
    assert kind_of(target) == kind


def test_a_seed_gives_each_kind_the_same_faults_whatever_the_others_do():
    """The n-th request of a kind meets the same fault, in whichever order kinds come."""
    one, other = FaultPlan(7, 0.5), FaultPlan(7, 0.5)
    alone = [one.next("bulk") for _ in range(50)]
    mixed = [(other.next("search"), other.next("bulk"))[1] for _ in range(50)]
    assert alone == mixed
    assert alone != [FaultPlan(8, 0.5).next("bulk") for _ in range(50)]


def test_every_fault_comes_and_items_are_refused_in_bulk_requests_alone():
    """Enough requests meet every fault; only a bulk request has items."""
    plan = FaultPlan(1, 1.0)
    assert {plan.next("bulk") for _ in range(500)} == set(ALL) == {*BEFORE, *AFTER, "items 429"}
    assert {plan.next("mget") for _ in range(500)} == set(ALL) - {"items 429"}


def test_a_share_of_none_injects_none():
    """Without a share no request meets a fault."""
    plan = FaultPlan(1, 0.0)
    assert {plan.next("bulk") for _ in range(100)} == {None}
