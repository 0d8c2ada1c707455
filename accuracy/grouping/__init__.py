"""Grouping: faults whose causes are known, and whether those of one cause become one issue.

`causes` makes them up with the `variables` that change from one to the next; `measure` groups them by their fingerprints and counts.
"""
