"""Targets: one module for each kind of input; `fuzz.registry` lists them."""
