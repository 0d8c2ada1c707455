"""Cost: what was used becomes what it costs in a month, by who used it.

In:    usage, as stored and as CloudWatch measured it; a list of prices with its date and region.
Out:   a Bill: dollars by service, function or log group and by part, each with how it is known.
Touch: a price file. May import `search`, `model`, `errors`. It never enters Lambda.
Order: prices, aws_usage, consumers, bill.
"""
