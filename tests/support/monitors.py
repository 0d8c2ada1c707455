"""The monitors of `mappings/monitors`, for tests."""

from pipeline.provision.install import documents


def monitor_files(prefix="p"):
    """The monitors of `mappings/monitors`, by file name."""
    return dict(documents("monitors", prefix, 14))
