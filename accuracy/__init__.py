"""Accuracy: how well the findings do, measured on made-up transactions of which it is known what must be found.

`transaction`, `functions`, `runtimes`, `events`, `gateway`, `services` and `calls` write down what AWS would: segments and log lines.
`scenarios` use these words to tell what happened, each with its `labels`. `disturbances` do what the way to X-Ray and CloudWatch does.
`judging` sends it all through the steps of the pipeline, `measure` counts, `report` prints.
"""
