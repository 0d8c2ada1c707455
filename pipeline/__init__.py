"""tracejoin: CloudWatch Logs and AWS X-Ray, joined in OpenSearch.

CloudWatch Logs ─▶ ship.py:     logs (decode ▸ redact ▸ extract ▸ correlate ▸ address) ─▶ store (write) ─▶ join (catch_up)
                       │ hint_queue (SQS, delayed)
                       ▼
X-Ray ───────────▶ resolve.py:  traces (sources ▸ read) ─▶ store ─▶ detect (evaluate) ─▶ join (reconcile) ─▶ alert ─▶ SNS
people ──────────▶ cli ─▶ search ─▶ join.transactions ─▶ store

Programs, each a list of steps:
    ship        one subscription event becomes searchable documents; it never calls X-Ray (ship_spans: the log group aws/spans)
    resolve     traces settle: look up, merge, evaluate, reconcile, alert; and the sweep
    resolution  what a run of resolve did
    hint_queue  the trace ids that ship hands to resolve
    configure   makes the rooms' things of the settings
    settings    the one reader of the environment
    errors      the tree of what can go wrong

Rooms, from the ground up; each may import those above it in this list, and `logs`, `traces` and `detect` do not know each other:
    model       trace ids, facts, the mergeable state of a trace
    redact      text in, text without secrets out
    logs        an event in, addressed log documents out
    traces      X-Ray's answers in, segments and span documents out
    detect      a trace's state in, a verdict with findings out
    store       documents in, documents out; it alone speaks to OpenSearch
    join        lines find their trace, traces their transaction, and the verdict reaches them all
    alert       findings in, one message out, once
    search      a person's question in, documents and words out
    provision   what is wanted in, changes out
    offline     a file in, extracted ids or findings out
    doctor      an account in, check results with remedies out
    local       what a laptop has instead of AWS
    cli         the `tracejoin` command

`make lint` holds these import rules (import-linter, pyproject.toml). `doctor`, `local` and `cli` never enter Lambda.
"""
