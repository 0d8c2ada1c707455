"""Rules: one function for each rule, by family. Each takes a RuleContext and yields findings.

In:    a RuleContext: the trace as rules see it, and the rule's own settings.
Out:   Finding structs.
Touch: nothing outside. May import `detect`, `model`.
Order: none; `engine` has the table of all rules. docs/findings/ has a page a family.
"""
