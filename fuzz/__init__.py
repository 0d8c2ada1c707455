"""Fuzz: changes real log lines, envelopes, segments, spans and settings at random, and looks for what must not happen.

`corpus` finds the texts to begin with. `text_mutators`, `json_mutators` and `writers` change and write them. Each module of `targets`
makes inputs of one kind and checks what the pipeline makes of them. `campaign` runs the targets, `cost` and `memory` measure beside it,
`minimise` makes a failing input small, `report` prints.
"""
