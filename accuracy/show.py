"""Show: prints one case with all its parts, what should be found and what is found."""

import json
from collections.abc import Iterator

from accuracy.evaluation import facts_of_transaction, verdict_on
from accuracy.measure import Case
from pipeline.detect.rule import Rules


def show(case: Case, rules: Rules) -> str:
    """Returns a case as text: its segment documents, log lines, labels and findings."""
    return "\n".join(_parts(case, rules))


def _parts(case: Case, rules: Rules) -> Iterator[str]:
    labels, transaction = case.labels, case.transaction
    yield f"{case}: {case.scenario.description}"
    yield f"trace {transaction.xray_id}"
    kind = "spans ({}), as `aws/spans` records them:" if transaction.of_spans else "segment documents ({}), as BatchGetTraces returns them:"
    yield f"\n{kind.format(len(transaction.documents))}"
    yield from (json.dumps(document) for document in transaction.documents)
    for stream in transaction.streams.values():
        yield f"\n{stream.group} {stream.name}"
        yield from (f"{event.at} {event.message.rstrip()}" for event in stream.events)
    yield f"\nmust be found: {', '.join(sorted(labels.must)) or 'nothing'}"
    yield f"may be found:  {', '.join(sorted(labels.may)) or 'nothing else'}{'; nothing as an alert' if labels.seen_by_client else ''}"
    verdict = verdict_on(facts_of_transaction(transaction), rules)
    yield f"\nis found ({verdict.state}: {verdict.state_reason}; the client saw {verdict.client_saw}):"
    yield from (f"{finding.severity:<7} {finding.rule}: {finding.evidence}" for finding in verdict.findings)
    yield f"missed: {', '.join(sorted(labels.must - labels.found(verdict))) or 'nothing'}"
    yield f"false alarms: {', '.join(sorted(labels.false_alarms(verdict))) or 'none'}"
