"""empty-bucket: empties the sample's bucket when its stack is deleted. A custom resource of CloudFormation; no part of the application."""

import json
import urllib.request

import boto3
from botocore.exceptions import BotoCoreError, ClientError

s3 = boto3.client("s3")


def handler(event: dict, context: object) -> None:
    # CloudFormation waits for an answer, whatever happens
    status, reason = "SUCCESS", "done"
    if event["RequestType"] == "Delete":
        try:
            empty(event["ResourceProperties"]["Bucket"])
        except (BotoCoreError, ClientError, NotEmptiedError) as error:
            status, reason = "FAILED", str(error)
    print(json.dumps({"request": event["RequestType"], "status": status, "reason": reason}))
    answer(event, {"Status": status, "Reason": reason, "PhysicalResourceId": event["LogicalResourceId"]})


class NotEmptiedError(Exception):
    """S3 kept some of the objects."""


def empty(bucket: str) -> None:
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            # a page holds a thousand at most, as many as one call deletes
            objects = [{"Key": entry["Key"]} for entry in page.get("Contents", ())]
            refused = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True}).get("Errors") if objects else None
            if refused:
                raise NotEmptiedError(f"S3 kept {len(refused)} objects of {bucket}; of {refused[0]['Key']} it says {refused[0]['Code']}")
    except s3.exceptions.NoSuchBucket:
        print(f"{bucket} is gone already")


def answer(event: dict, told: dict) -> None:
    body = json.dumps(told | {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}).encode()
    # the address is signed for an empty content type
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")  # noqa: S310
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass
