"""Chaos: holds tracejoin under a fault schedule against a calm run of the same log events.

`world` makes up the events and X-Ray's segments. `servers` runs OpenSearch, and stops and kills it; `proxy` stands before it and injects
the faults that `faults` picks. `worker` is a process that runs the two Lambda functions, with `aws` in place of SQS, X-Ray and SNS; it
dies where its `fuse` says. `disasters` says what fails when, `damage` does it. `deliveries` holds what waits, loses and doubles. `run`
drives it all, `experiment` once calmly and once not. `comparison` holds every document against the calm run's, `checks` the rest of the
promises, `report` prints.
"""
