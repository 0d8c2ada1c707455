"""What a release consists of: packages that are the same each time, checksums, and the commands that deploy them."""

import os
import subprocess
import zipfile

import pytest

from supply_chain.package import own_version
from supply_chain.release import SUMS, check_tag, commands, pack, package_name, publish, write_sums


@pytest.fixture
def package(tmp_path):
    """A folder like a built package."""
    folder = tmp_path / "package"
    (folder / "pipeline").mkdir(parents=True)
    (folder / "pipeline" / "ship.py").write_text("a = 1\n")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / ".made").touch()
    return folder


def test_the_same_files_make_the_same_archive(package, tmp_path):
    """Whenever they were written; what may be run may be run afterwards, and the mark of make stays out."""
    pack(package, tmp_path / "one.zip")
    os.utime(package / "run", (1, 1))
    pack(package, tmp_path / "other.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
    assert modes == {"pipeline/ship.py": 0o644, "run": 0o755}


def test_checksums_are_those_of_sha256sum(package, tmp_path):
    """Each file but the sums themselves, also when they are written again."""
    dist = tmp_path / "dist"
    dist.mkdir()
    pack(package, dist / "one.zip")
    (dist / "template.yaml").write_text("Resources: {}\n")
    for _ in range(2):
        write_sums(dist)
    assert [line.partition("  ")[2] for line in (dist / SUMS).read_text().splitlines()] == ["one.zip", "template.yaml"]
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=dist, check=True)


def test_a_release_has_its_tag():
    """One of the commit's tags is the version's; else the problem is said with both remedies."""
    version = own_version()
    assert check_tag(["latest", f"v{version}"]) == ""
    said = check_tag(["v0.0.0"])
    assert said.startswith(f"this commit has no tag v{version}: set it (git tag v{version}), or change the version in pyproject.toml")


class Bucket:
    """An S3 client that keeps the keys."""

    def __init__(self):
        self.keys = []

    def upload_file(self, path, bucket, key):
        self.keys.append((bucket, key))


def test_what_is_published_can_be_deployed(tmp_path):
    """Both packages and the template; a command for each package, with its architecture."""
    for architecture in ("arm64", "x86_64"):
        (tmp_path / package_name(architecture)).touch()
    (tmp_path / "template.yaml").touch()
    keys = list(publish(tmp_path, "b", "t/", client := Bucket()))
    assert client.keys == [("b", key) for key in keys]
    assert keys[-1] == f"t/{own_version()}/template.yaml"
    arm, x86 = commands("b", keys, "eu-west-1")
    assert f"ParameterKey=CodeKey,ParameterValue=t/{own_version()}/tracejoin-{own_version()}-lambda-arm64.zip" in arm
    assert "ParameterKey=Architecture,ParameterValue=arm64" in arm
    assert "ParameterKey=Architecture,ParameterValue=x86_64" in x86
    assert f"--template-url https://b.s3.eu-west-1.amazonaws.com/t/{own_version()}/template.yaml" in arm


def test_nothing_is_published_before_a_release(tmp_path):
    """An empty folder is an error that names what to do."""
    with pytest.raises(FileNotFoundError, match="run make release first"):
        list(publish(tmp_path, "b", "", Bucket()))
