"""What a laptop has instead of AWS: an embedded OpenSearch, an X-Ray that behaves like the real one, the sample application."""
