"""tracejoin: CloudWatch Logs and AWS X-Ray, joined in OpenSearch.

What happens to a log line, in the order in which it happens; each step is a module of this name:

On arrival (`ship`; never calls X-Ray; spans out of `aws/spans` take the steps otel, spans and index_spans below):
    unpack      a subscription event, Kinesis or Firehose record becomes batches of log events; bounded, counted
    redact      what is secret is taken out, before anything else is made of a line or a segment; `scan` marks the lines worth a look
    extract     a line becomes ids, severity, signals: whatever it says of itself
    attribute   a line without its own trace id gets its request's, or that of the request open in its stream
    document    the line gets its address: a deterministic id, the index of its own day
    index       documents go out in one gzipped bulk body; every item is accounted for in the ledger
    greet       what was just indexed is told what is known already: its trace, where another batch named it, and its verdict

Later (`resolve`), trace by trace:
    xray        what does X-Ray have on this trace? (BatchGetTraces, StartTraceRetrieval, or a subscription on aws/spans)
    segments    its documents become spans and facts, however odd they are
    otel        so do OpenTelemetry spans
    spans       segments become span documents in Data Prepper's shape
    index_spans they go out, each once; the better document of one id replaces the other
    state       facts of every source merge into the trace's state, in any order
    judge       the state's verdict: is the trace complete, did it fail, did a failure hide behind a 200?
    links       each id that other traces may show too gets a small document with the traces that showed it
    transactions traces that show one id are one piece of work, with one id of its own
    homes       which lines belong to the trace though they do not say so, or no longer do: by their request, by their place in a stream
    places      which of them stand in whose invocation
    adopt       these lines move
    enrich      the verdict is written by compare-and-set, to the trace and to every line and span of it
    stories     findings that tell of one failure are told as one
    alert       somebody is told of a hidden fault, once

Then:
    asked       what a person wants to find becomes a query
    search      logs and spans in one list, by any id; everything of the transaction that it belongs to

Beside them: `ids` (the grammar of trace ids), `known` (what texts were read as, kept), `times` (the times that people write), `runs`
(what was open in a stream when), `settings` (the one reader of the environment), `errors` (the tree of what can go wrong), `plain`
(foreign JSON made storable),
`records` (traces as stored, by compare-and-set), and the edges, one module each: `opensearch` (with `serverless` and `versions`, which is
what differs there), `xray`, `sqs`, `sns`. `ship` (with `ship_spans`) and `resolve` (with `spread`) string the steps together; `setup`
(with `monitors` and `changes`) installs `mappings/`, and `subscribe` gives log groups their subscription; `explain` and `classify` run
steps on files; `why` tells of a trace in words, `advice` of a search that found nothing, `stale_ids` of functions that log another
invocation's id; `follow` waits for what comes.
`pipeline.local` is what a laptop has instead of AWS; `pipeline.doctor` looks at what is deployed and says what is wrong with it;
`pipeline.cli` is the `tracejoin` command. None of them enters Lambda.
"""
