"""What Lambda runs: one small module a function. Settings, clients, one call into `pipeline`."""
