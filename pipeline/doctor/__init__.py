"""Doctor: what is wrong with an account's set-up, each with its remedy.

In:    a deployment and its AWS account; each resource is read when a check first needs it.
Out:   CheckResult structs. A read that is denied or gets no response makes its check unknown, and stops no other.
Touch: AWS and OpenSearch; it only reads. It never enters Lambda.
Order: collect reads one service per module; deployment and account hold what was read; registry lists the checks, one module per area;
       check runs them.
"""
