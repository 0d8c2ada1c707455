"""tracejoin: CloudWatch Logs and AWS X-Ray, joined in OpenSearch.

CloudWatch Logs ─▶ ship.py:     logs (decode ▸ redact ▸ extract ▸ correlate ▸ address) ─▶ store (write) ─▶ join (catch_up)
                       │ hint_queue (SQS, delayed)
                       ▼
X-Ray ───────────▶ resolve.py:  traces (sources ▸ read) ─▶ store ─▶ detect (evaluate) ─▶ join (reconcile) ─▶ alert ─▶ SNS
people ──────────▶ cli, web, agents ─▶ search ─▶ join.transactions ─▶ store

Programs, each a list of steps:
    ship        one subscription event becomes searchable documents; it never calls X-Ray (ship_spans: the log group aws/spans)
    resolve     traces settle: look up, merge, evaluate, reconcile, alert; and the sweep
    settlement  one group of traces of resolve, from what is stored of them to their verdicts
    resolution  what a run of resolve did
    hint_queue  the trace ids that ship hands to resolve
    sweep_queue asks for a sweep where no schedule runs one
    configure   makes the rooms' things of the settings
    settings    the one reader of the environment
    setting_values  the texts of settings in, values out
    read_secret a secret's ARN in, its text out
    errors      the tree of what can go wrong

Rooms, from the ground up; each may import those above it in this list, and `logs`, `traces` and `detect` do not know each other:
    model       trace ids, facts, the mergeable state of a trace
    redact      text in, text without secrets out
    logs        an event in, addressed log documents out
    traces      X-Ray's answers in, segments and span documents out
    detect      a trace's state in, a verdict with findings out
    store       documents in, documents out; it alone speaks to OpenSearch
    join        lines find their trace, traces their transaction, and the verdict reaches them all
    issues      what traces show of one cause in, one issue out, with what people decided
    retain      a policy and settled traces in, decisions and deletions out; what is held stays
    alert       findings in, one message out, once
    notify      the topic's messages in, told in chats, to pagers and to webhooks
    search      a person's question in, documents and words out
    topology    stored spans in, the documents of OpenSearch's own service maps out
    provision   what is wanted in, changes out
    offline     a file in, extracted ids or findings out
    backfill    past events in, shipped like new ones
    replay      parked events and dead letters in, shipped once more
    cost        what was used and prices in, dollars a month by who used it out
    doctor      an account in, check results with remedies out
    agents      a tool call of an agent in, a bounded answer out
    web         a request of a browser in, a page out
    local       what a laptop has instead of AWS
    cli         the `tracejoin` command

`make lint` holds these import rules (import-linter, pyproject.toml).
`agents`, `backfill`, `cost`, `doctor`, `web`, `local` and `cli` never enter Lambda.
"""
