"""A cold start reads and loads no more than it needs."""

import os
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

OF_SHIP = {"boto3", "botocore.session", "botocore.client", "aws_xray_sdk", "hyperscan", "pipeline.detect.evaluate",
           "pipeline.detect.segment_tree", "pipeline.traces.sources", "pipeline.alert", "pipeline.search", "pipeline.store.secret"}  # fmt: skip


@pytest.mark.parametrize(("module", "dear"), [("ship", OF_SHIP), ("resolve", {"click", "rich"})])
def test_importing_reads_no_settings_and_loads_nothing_dear(module, dear):
    """A cold start of ship waits for nothing that only few batches, or only `resolve`, need; settings are read at the first event, and no earlier."""
    script = f"import sys, shipper_function.{module} as m; print(m.settings.cache_info().currsize, *sys.modules)"
    environment = {**os.environ, "TRACEJOIN_PREFIX": "Not This"}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment, cwd=ROOT)
    read, *loaded = run.stdout.split()
    assert read == "0"
    assert not (dear | {"pipeline.local", "pipeline.cli"}) & set(loaded)
