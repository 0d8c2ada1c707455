"""A published release becomes a stack without a toolchain: the plain template and the package, from a bucket, on the local AWS."""

import subprocess

import pytest

from pipeline.configure import store_for
from pipeline.local.environment import REGION, local_client
from pipeline.local.ministack import local_aws
from pipeline.settings import Settings
from supply_chain.release import commands, pack, package_name, publish
from tests.support.paths import ROOT, UNMEASURED
from tests.support.stores import emptied, needs_sam
from tests.support.waiting import stack_status

BUCKET, STACK = "my-releases", "tracejoin"


@pytest.fixture
def dist(tmp_path):
    """A release whose package holds the sources: this machine's Python has the libraries."""
    needs_sam()
    sources = tmp_path / "package"
    for folder in ("pipeline", "shipper_function", "mappings"):
        for path in (path for kind in ("*.py", "*.json", "*.ndjson", "*.yaml") for path in (ROOT / folder).rglob(kind)):
            target = sources / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    made = tmp_path / "dist"
    made.mkdir()
    pack(sources, made / package_name("x86_64"))
    template = subprocess.run(["make", "--silent", "template"], cwd=ROOT, capture_output=True, check=True)
    (made / "template.yaml").write_bytes(template.stdout)
    return made


def test_a_bucket_is_enough(dist, embedded_endpoint):
    """CloudFormation creates the stack from the two files; its setup function, run from the package, installs the templates."""
    settings = Settings(endpoint=embedded_endpoint, prefix="published", region=REGION)
    with emptied(settings), local_aws(UNMEASURED) as aws:
        s3, cloudformation = local_client("s3", aws), local_client("cloudformation", aws)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        keys = list(publish(dist, BUCKET, "tracejoin/", s3))
        (command,) = commands(BUCKET, keys, REGION)
        given = dict(
            part.removeprefix("ParameterKey=").split(",ParameterValue=") for part in command.split() if part.startswith("ParameterKey=")
        )
        given |= {"OpenSearch": "existing", "OpenSearchEndpoint": settings.endpoint, "Prefix": settings.prefix}
        cloudformation.create_stack(
            StackName=STACK, TemplateURL=f"{aws}/{BUCKET}/{keys[-1]}", Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        )  # fmt: skip
        assert stack_status(cloudformation, STACK) == "CREATE_COMPLETE"
        store_for(settings).require_templates()
