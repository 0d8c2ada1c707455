"""What the join costs: ship and resolve on a real OpenSearch, beside the bare bulk of the same lines, in one run."""
