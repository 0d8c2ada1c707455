"""What Lambda runs: one small module a function, with its settings, its clients and one call into `pipeline`."""
