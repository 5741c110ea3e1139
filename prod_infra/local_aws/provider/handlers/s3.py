"""S3 buckets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from prod_infra.local_aws.provider.handler import AutoName, Handler
from prod_infra.local_aws.provider.handlers.common import (
    absent_is_fine,
    found,
    tag_list,
    tag_state,
    tags_of,
)
from prod_infra.properties import Props

# https://docs.aws.amazon.com/general/latest/gr/s3.html#s3_website_region_endpoints
_HOSTED_ZONES = {
    "us-east-1": "Z3AQBSTGFYJSTF",
    "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-1": "Z2F56UZL2M1ACD",
    "us-west-2": "Z3BJ6K6RIION7M",
    "eu-west-1": "Z1BKCTXD74EZPE",
    "eu-west-2": "Z3GKZC51ZF0DB4",
    "eu-west-3": "Z3R1K369G5AVDG",
    "eu-central-1": "Z21DNDUVLTQW6Q",
    "eu-north-1": "Z3BAZG2TWCNX0D",
}
NO_BUCKET = ("NoSuchBucket", "404")


class Bucket(Handler):
    """A bucket with its tags; versioning, encryption and the rest are resources of their own."""

    token = "aws:s3/bucket:Bucket"
    inputs = frozenset({"bucket", "forceDestroy", "objectLockEnabled", "tags"})
    replace_on = frozenset({"bucket", "objectLockEnabled"})
    defaults = {"forceDestroy": False}
    write_only = frozenset({"forceDestroy"})
    outputs = frozenset(
        {"arn", "bucketDomainName", "bucketRegion", "bucketRegionalDomainName", "hostedZoneId", "tagsAll"}
    )
    auto_name = AutoName("bucket", max_length=63, lower=True)

    def create(self, inputs: Props) -> str:
        """Create the bucket in the client's region, wait for it, and tag it."""
        s3 = self.clients("s3")
        name = inputs["bucket"]
        region = s3.meta.region_name
        # us-east-1 is S3's default and not a valid LocationConstraint.
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        lock = {"ObjectLockEnabledForBucket": True} if inputs.get("objectLockEnabled") else {}
        s3.create_bucket(Bucket=name, **place, **lock)
        self.made(name)
        s3.get_waiter("bucket_exists").wait(Bucket=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        if inputs.get("tags"):
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(inputs["tags"])})
        return str(name)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the bucket with its tags, domain names and object lock."""
        s3 = self.clients("s3")
        if found(lambda: s3.head_bucket(Bucket=resource_id), *NO_BUCKET) is None:
            return None
        region = s3.get_bucket_location(Bucket=resource_id).get("LocationConstraint") or "us-east-1"
        tagging = found(lambda: s3.get_bucket_tagging(Bucket=resource_id), "NoSuchTagSet") or {}
        lock = found(
            lambda: s3.get_object_lock_configuration(Bucket=resource_id), "ObjectLockConfigurationNotFoundError"
        )
        return {
            "bucket": resource_id,
            "arn": f"arn:{s3.meta.partition}:s3:::{resource_id}",
            "bucketDomainName": f"{resource_id}.s3.amazonaws.com",
            "bucketRegion": region,
            "bucketRegionalDomainName": f"{resource_id}.s3.{region}.amazonaws.com",
            "hostedZoneId": _HOSTED_ZONES.get(region, ""),
            "objectLockEnabled": lock is not None,
            "forceDestroy": bool(state.get("forceDestroy")),
            **tag_state(tags_of(tagging.get("TagSet"))),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set the tags; `forceDestroy` is only kept for the deletion."""
        del old
        s3 = self.clients("s3")
        if "tags" in changed and new.get("tags"):
            s3.put_bucket_tagging(Bucket=resource_id, Tagging={"TagSet": tag_list(new["tags"])})
        elif "tags" in changed:
            s3.delete_bucket_tagging(Bucket=resource_id)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the bucket; with `forceDestroy` every object, version and marker in it first."""
        s3 = self.clients("s3")
        with absent_is_fine(*NO_BUCKET):
            if state.get("forceDestroy"):
                bypass = {"BypassGovernanceRetention": True} if state.get("objectLockEnabled") else {}
                for batch in _contents(s3, resource_id):
                    answer = s3.delete_objects(Bucket=resource_id, Delete={"Objects": batch, "Quiet": True}, **bypass)
                    if answer.get("Errors"):
                        raise ClientError({"Error": answer["Errors"][0]}, "DeleteObjects")
            s3.delete_bucket(Bucket=resource_id)
            s3.get_waiter("bucket_not_exists").wait(Bucket=resource_id, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def find(self, inputs: Props) -> str | None:
        """Return the bucket of that name if this account holds it."""
        name = str(inputs["bucket"])
        return name if found(lambda: self.clients("s3").head_bucket(Bucket=name), *NO_BUCKET) is not None else None


def _contents(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:
    """Yield every object version and delete marker of the bucket, 1,000 at most at a time."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        batch = [
            {"Key": item["Key"], "VersionId": item["VersionId"]}
            for item in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        ]
        if batch:
            yield batch


HANDLERS: tuple[type[Handler], ...] = (Bucket,)
