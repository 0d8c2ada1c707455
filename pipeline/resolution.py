"""Resolution: what one run of `resolve` did, for whoever counts it and sends on what is left."""

from typing import Literal

import msgspec

from pipeline.alert.dispatch import Dispatch
from pipeline.issues.observation import Example


class Resolution(msgspec.Struct):
    """The result of one run; ``unsettled`` are the ids of the traces to resolve again."""

    settled: int = 0
    unsettled: tuple[str, ...] = ()
    calls: int = 0
    put_off: int = 0
    failed_lookups: int = 0
    """How many of the look-ups that are put off failed: X-Ray did not answer, or refused the credentials in the stack's own account."""
    lookup_failures: tuple[str, ...] = ()
    """Why they failed, each reason once, ten at most."""
    refusals: tuple[str, ...] = ()
    """Why other accounts refused look-ups of traces that ran there, each reason once, ten at most."""
    source_away: Literal["", "unreachable", "denied"] = ""
    """How the last look-up ended, if the source was not asked any more after it."""
    unwritable: dict[str, str] = {}
    """Traces that are left because an index takes no writes now, by trace id, with the reason."""
    undeleted: tuple[str, ...] = ()
    """Why the sweep could not delete something that is past its retention, or write the service maps."""
    sampled_out_lines: int = 0
    """How many lines of healthy transactions were deleted, since the policy keeps none of them."""
    sampled_out_spans: int = 0
    sampled_out_bytes: int = 0
    """The length of these lines and spans as JSON."""
    hidden_faults: int = 0
    faulty: tuple[str, ...] = ()
    """The ids of the traces of this run with a final verdict and a hidden fault."""
    shown: list[Example] = msgspec.field(default_factory=list)
    """The issues that these traces show, one for each trace and issue."""
    new_faults: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    """How many traces got their first alert of a rule, by service and rule."""
    former_issues: dict[str, str] = msgspec.field(default_factory=dict)
    """By the id of an issue that traces of this run show, the id of the one that they showed before, if they did."""
    alerts: Dispatch = msgspec.field(default_factory=Dispatch)
    bad_documents: int = 0
    passed_over: tuple[str, ...] = ()
    """Lines and spans that were left as they are, since another program wrote them: their index and id."""
    stale: dict[str, int] = {}
    """The number of lines found with a stale trace id, by the service that their log group is named after."""
    too_common: tuple[str, ...] = ()
    """The ids found that too many traces show, so that they join none; sorted."""
