"""Findings that tell of one failure are told as one."""

import msgspec

from pipeline.detect.failures import describe_failure, group_failures
from pipeline.detect.verdict import Finding, ShownLine


def finding(rule, *, depth=1, exception=("", ""), lines=(), span="1" * 16, severity="alert", **more):
    """A finding of the service orders."""
    return Finding(rule=rule, severity=severity, service_name="orders", span_id=span, path=("api", "orders")[:depth], reported="200",
                   evidence=f"{rule} says so", client_saw="success", depth=depth, exception_type=exception[0], exception_message=exception[1],
                   lines=tuple(ShownLine(at=1, id=line, service_name="orders", text=f"line {line}") for line in lines), **more)  # fmt: skip


def test_one_failure_is_one_group():
    """By the exception, by a line that two show, by the span; what has nothing in common stays apart."""
    boom = ("ValueError", "boom")
    found = [finding("edge-ok-error-log", exception=boom, span=""), finding("service-ok-function-failed", depth=2, exception=boom, span="2" * 16),
             finding("timeout", lines=("a",), span="3" * 16), finding("edge-ok-downstream-fault", depth=2, lines=("a", "b"), span="4" * 16),
             finding("throttled-downstream", span="5" * 16)]  # fmt: skip
    for order in (found, found[::-1]):
        assert [failure.rules for failure in group_failures(order)] == [
            ("service-ok-function-failed", "edge-ok-error-log"), ("timeout", "edge-ok-downstream-fault"), ("throttled-downstream",)]  # fmt: skip


def test_a_finding_may_join_two_groups():
    """What two findings have in common with a third makes all three one."""
    found = [
        finding("timeout", lines=("a",), span="1" * 16),
        finding("crash", lines=("b",), span="2" * 16),
        finding("edge-ok-error-log", lines=("a", "b"), span=""),
    ]
    assert [len(failure.findings) for failure in group_failures(found)] == [3]


def test_what_nobody_names_is_one_failure_at_one_span():
    """A failed function and the service that runs it, neither with a cause; a refusal at the same place stays apart."""
    names = ("edge-ok-downstream-fault", "service-ok-function-failed", "throttled-downstream")
    told = group_failures([finding(name, span=str(number) * 16) for number, name in enumerate(names, 1)])
    assert sorted(failure.rules for failure in told) == [names[:2], names[2:]]


def test_a_failure_in_words():
    """What was told, which rules, where and how deep, the exception, the lines, what was not known; alerts before notices."""
    told = group_failures(
        [
            finding("crash", severity="notice", span="9" * 16),
            finding("timeout", depth=2, exception=("E", "m"), lines=("a",), unknown=("the rest",)),
        ]
    )
    assert [failure.alert for failure in told] == [True, False]
    assert [word for word, _ in describe_failure(told[0])] == ["alert", "rules", "where", "exception", "line", "not known"]
    assert dict(describe_failure(told[0]))["where"] == f"api › orders (depth 2, span {'1' * 16})"


def test_what_is_quoted_is_marked():
    """A line stands behind its log group and account, else behind the name that an older version stored; nothing inside ends a quotation."""
    lines = (ShownLine(at=0, id="a", service_name="payments", text="no” stock", log_group="/ecs/other", account="1" * 12),
             ShownLine(at=0, id="b", service_name="payments", text="old"))  # fmt: skip
    (told,) = group_failures(
        [msgspec.structs.replace(finding("timeout", exception=("E", "m: “n”")), evidence="it failed: so: it says", lines=lines)]
    )
    words = list(describe_failure(told))
    assert ("alert", "it failed: “so: it says”") in words
    assert ("exception", '“E: m: "n"”') in words
    assert [text for word, text in words if word == "line"] == [f'/ecs/other in account {"1" * 12}  “no" stock”', "payments  “old”"]
