"""Doctor: what is wrong with an account's set-up, each with its remedy.

In:    a deployment and the account it stands in, each fact read when a check first needs it.
Out:   CheckResult structs. What is denied or does not answer makes a check unknown, and stops no other.
Touch: AWS and OpenSearch; it only reads, and never enters Lambda.
Order: collect reads one service a module; deployment and account hold what was read; the checks, one module an area, are listed in registry
       and run by check.
"""
