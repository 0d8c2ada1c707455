"""Mappings: templates, indices, policies and monitors of OpenSearch as JSON files, read by `pipeline.provision.install`."""
