"""What the pipeline costs, as a ratio to what no design can avoid, measured in one run."""
