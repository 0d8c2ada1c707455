"""Release: `make release` makes all files of a version in dist/, with checksums; `make publish` puts what deploys in a bucket.

Whoever has the published files needs no toolchain: one template, in a bucket beside the package that its functions run from.
"""

import argparse
import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from supply_chain.package import own_version

SUMS: Final = "SHA256SUMS"
TEMPLATE: Final = "template.yaml"
# ZIP knows no time before
_TIME: Final = (1980, 1, 1, 0, 0, 0)
_FILE, _PROGRAM = 0o100644, 0o100755


def package_name(architecture: str) -> str:
    """Returns the name of the package for an architecture, arm64 or x86_64."""
    return f"tracejoin-{own_version()}-lambda-{architecture}.zip"


def pack(folder: Path, archive: Path) -> None:
    """Writes the files of a folder into a ZIP archive; the same files make the same bytes, whenever they were written."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as written:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".made"):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (_PROGRAM if path.stat().st_mode & 0o100 else _FILE) << 16
            written.writestr(entry, path.read_bytes())


def write_sums(folder: Path) -> None:
    """Writes the SHA-256 of each file in a folder, as `sha256sum --check` reads them."""
    lines = (f"{_digest(path)}  {path.name}\n" for path in sorted(folder.iterdir()) if path.name != SUMS)
    text = "".join(lines)
    (folder / SUMS).write_text(text)


def check_tag(tags: Iterable[str]) -> str:
    """Returns what is wrong with the tags of the commit to be released; empty if one of them is this version's."""
    wanted = f"v{own_version()}"
    if wanted in tags:
        return ""
    return f"this commit has no tag {wanted}: set it (git tag {wanted}), or change the version in pyproject.toml and template.yaml"


def publish(folder: Path, bucket: str, prefix: str, client: Any) -> Iterator[str]:
    """Puts the packages and the template of a folder into an S3 bucket; yields the key of each, the template's last.

    Raises FileNotFoundError where there is no release in the folder, and what boto3 raises.
    """
    packages = sorted(folder.glob(f"tracejoin-{own_version()}-lambda-*.zip"))
    if not packages:
        raise FileNotFoundError(f"{folder}/ holds no package of version {own_version()}: run make release first")
    for path in (*packages, folder / TEMPLATE):
        key = f"{prefix}{own_version()}/{path.name}"
        client.upload_file(str(path), bucket, key)
        yield key


def commands(bucket: str, keys: Iterable[str], region: str) -> Iterator[str]:
    """Yields the command that deploys each published package, by its key."""
    *packages, template = keys
    for key in packages:
        architecture = key.removesuffix(".zip").rpartition("-")[2]
        yield (
            f"aws cloudformation create-stack --stack-name tracejoin --region {region} --capabilities CAPABILITY_IAM "
            f"--template-url https://{bucket}.s3.{region}.amazonaws.com/{template} "
            f"--parameters ParameterKey=CodeBucket,ParameterValue={bucket} ParameterKey=CodeKey,ParameterValue={key} "
            f"ParameterKey=Architecture,ParameterValue={architecture}"
        )


def main() -> int:
    """Does what the command line says; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m supply_chain.release", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    tagged = steps.add_parser("check-tag", help="fail where the commit has no tag of this version")
    tagged.set_defaults(run=lambda _: _say(check_tag(_tags())))
    packing = steps.add_parser("pack", help="write a package as ZIP")
    packing.add_argument("package", type=Path)
    packing.add_argument("architecture")
    packing.add_argument("dist", type=Path)
    packing.set_defaults(run=lambda given: pack(given.package, given.dist / package_name(given.architecture)))
    sums = steps.add_parser("sums", help="write the checksums of what is there")
    sums.add_argument("dist", type=Path)
    sums.set_defaults(run=lambda given: write_sums(given.dist))
    publishing = steps.add_parser("publish", help="put the packages and the template into a bucket")
    publishing.add_argument("dist", type=Path)
    publishing.add_argument("bucket")
    publishing.add_argument("--prefix", default="tracejoin/")
    publishing.set_defaults(run=_publish)
    given = parser.parse_args()
    return int(given.run(given) or 0)


def _publish(given: argparse.Namespace) -> int:
    # imported here: the other steps need no AWS
    import boto3  # noqa: PLC0415
    from boto3.exceptions import Boto3Error  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        client = boto3.client("s3")
        region = client.get_bucket_location(Bucket=given.bucket).get("LocationConstraint") or "us-east-1"
        keys = list(publish(given.dist, given.bucket, given.prefix, client))
    except (OSError, Boto3Error, BotoCoreError, ClientError) as error:
        return _say(f"nothing is published: {error}")
    print(f"published to s3://{given.bucket}: {', '.join(keys)}\n\nDeploy it, with the parameters of README:\n")
    print("\n\n".join(commands(given.bucket, keys, region)))
    return 0


def _say(problem: str) -> int:
    if problem:
        print(problem, file=sys.stderr)
    return int(bool(problem))


def _tags() -> list[str]:
    return subprocess.run(["git", "tag", "--points-at", "HEAD"], capture_output=True, text=True, check=True).stdout.split()  # noqa: S607


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
