"""Accuracy: measures how well the findings do, on made-up transactions with known findings.

`transaction`, `functions`, `events`, `gateway`, `services` and `calls` make the segments and log lines that AWS would, `otel` the
spans that OpenTelemetry's SDKs do.
`scenarios` tell what happens, each with its `labels`. `disturbances` change a transaction as its way to X-Ray and CloudWatch may.
`evaluation` takes it through the steps of the pipeline, `measure` counts, `report` prints.
"""
