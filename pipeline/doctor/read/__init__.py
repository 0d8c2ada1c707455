"""The edges of `tracejoin doctor`: one module per service, each call only reading. `calls` makes them, and names what permits them."""
