"""Everything that OpenSearch is told: JSON files, read by `pipeline.provision.install`."""
