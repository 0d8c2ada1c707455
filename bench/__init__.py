"""Bench: measures what the pipeline costs, as a ratio to what no design can avoid, in one run."""
