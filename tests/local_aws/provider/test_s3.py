"""S3 buckets and their settings."""

from __future__ import annotations

import json

import pytest

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

BUCKET = "aws:s3/bucket:Bucket"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"


@pytest.fixture
def bucket(clients: Clients) -> str:
    """An empty bucket."""
    return made(clients, BUCKET, {"bucket": "prod-site"}).id


def test_bucket(clients: Clients) -> None:
    """A bucket lives; tags and the force flag change in place."""
    inputs = {"bucket": "prod-site", "tags": {"Name": "site"}}
    state = run_lifecycle(clients, BUCKET, inputs, {**inputs, "tags": {"Name": "x", "A": "b"}}, {"bucket": "prod-site"})
    assert state["arn"] == "arn:aws:s3:::prod-site"
    assert state["bucketRegionalDomainName"] == "prod-site.s3.eu-central-1.amazonaws.com"
    assert state["bucketDomainName"] == "prod-site.s3.amazonaws.com"
    assert state["hostedZoneId"] == "Z21DNDUVLTQW6Q"
    assert state["tagsAll"] == {}


def test_bucket_in_another_region(clients: Clients) -> None:
    """A bucket lands in the region that the resource names."""
    made(clients, BUCKET, {"bucket": "prod-logs", "region": "us-east-1"})
    assert clients("s3", "us-east-1").head_bucket(Bucket="prod-logs")["BucketRegion"] == "us-east-1"


def test_bucket_with_object_lock(clients: Clients) -> None:
    """Object Lock is on from the birth and can't be turned off in place."""
    evidence = made(clients, BUCKET, {"bucket": "prod-evidence", "objectLockEnabled": True})
    assert evidence.state["objectLockEnabled"] is True
    evidence.check({"bucket": "prod-evidence"})
    assert evidence.diff().replaces == ["objectLockEnabled"]


def test_full_bucket_is_not_deleted(clients: Clients, bucket: str) -> None:
    """AWS refuses to delete a bucket with objects in it, and they stay."""
    clients("s3").put_object(Bucket=bucket, Key="index.html", Body=b"hello")
    resource = Resource(clients, BUCKET)
    resource.check({"bucket": bucket})
    resource.id = bucket
    with pytest.raises(ProdInfraError, match="BucketNotEmpty"):
        resource.delete()
    assert clients("s3").get_object(Bucket=bucket, Key="index.html")["Body"].read() == b"hello"


def test_force_destroy_empties_the_bucket(clients: Clients) -> None:
    """With `forceDestroy` a bucket goes with every version and delete marker."""
    s3 = clients("s3")
    resource = made(clients, BUCKET, {"bucket": "prod-images", "forceDestroy": True})
    made(clients, VERSIONING, {"bucket": "prod-images", "versioningConfiguration": {"status": "Enabled"}})
    for body in (b"1", b"2"):
        s3.put_object(Bucket="prod-images", Key="a.png", Body=body)
    s3.delete_object(Bucket="prod-images", Key="a.png")
    resource.delete()
    assert resource.read() is None


def test_public_access_block(clients: Clients, bucket: str) -> None:
    """The four switches are set, changed and taken off."""
    closed = dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True)
    state = run_lifecycle(
        clients, BLOCK, {"bucket": bucket, **closed}, {"bucket": bucket, **closed, "blockPublicAcls": False}
    )
    assert state["id"] == bucket
    assert state["blockPublicPolicy"] is True


def test_versioning_is_suspended_by_its_deletion(clients: Clients, bucket: str) -> None:
    """Versioning can't be taken off a bucket, only suspended."""
    enabled = {"bucket": bucket, "versioningConfiguration": {"status": "Enabled"}}
    run_lifecycle(clients, VERSIONING, enabled, vanishes=False)
    assert clients("s3").get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"


def test_versioning_can_be_born_disabled(clients: Clients, bucket: str) -> None:
    """`Disabled` is the state without any setting, and no change afterwards."""
    resource = made(clients, VERSIONING, {"bucket": bucket, "versioningConfiguration": {"status": "Disabled"}})
    assert not resource.diff().changes


def test_encryption(clients: Clients, bucket: str) -> None:
    """Encryption goes from S3's keys to KMS in place."""
    plain = {"bucket": bucket, "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]}
    key = clients("kms").create_key()["KeyMetadata"]["Arn"]
    default = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key}
    kms = {"bucket": bucket, "rules": [{"applyServerSideEncryptionByDefault": default, "bucketKeyEnabled": True}]}
    state = run_lifecycle(clients, ENCRYPTION, plain, kms)
    assert state["rules"] == kms["rules"]


def test_ownership(clients: Clients, bucket: str) -> None:
    """Object ownership changes in place."""
    enforced = {"bucket": bucket, "rule": {"objectOwnership": "BucketOwnerEnforced"}}
    run_lifecycle(clients, OWNERSHIP, enforced, {"bucket": bucket, "rule": {"objectOwnership": "BucketOwnerPreferred"}})


def test_policy_is_compared_by_meaning(clients: Clients, bucket: str) -> None:
    """A policy with other spaces and key order is no change; another statement is."""
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    policy = made(clients, POLICY, {"bucket": bucket, "policy": json.dumps(document)})
    policy.check({"bucket": bucket, "policy": json.dumps(document, indent=2, sort_keys=True)})
    assert not policy.diff().changes
    document["Statement"] = [statement | {"Sid": "Other"}]
    policy.check({"bucket": bucket, "policy": json.dumps(document)})
    policy.update()
    held = json.loads(clients("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    assert held["Statement"][0]["Sid"] == "Other"
    policy.delete()
    assert policy.read() is None


def test_policy_that_is_no_json_is_refused(clients: Clients, bucket: str) -> None:
    """A policy that is no JSON fails before anything is sent."""
    assert "policy" in Resource(clients, POLICY).check({"bucket": bucket, "policy": "{"})


def test_setting_of_a_bucket_that_is_gone_is_gone(clients: Clients, bucket: str) -> None:
    """Whoever deletes the bucket deletes its settings: drift, not an error."""
    resource = made(clients, OWNERSHIP, {"bucket": bucket, "rule": {"objectOwnership": "BucketOwnerEnforced"}})
    clients("s3").delete_bucket(Bucket=bucket)
    assert resource.read() is None
    resource.delete()


def test_automatic_name_is_in_lower_case(clients: Clients) -> None:
    """S3 takes no capitals, so pulumi-aws's automatic name has none; it stays the same at the next check."""
    resource = made(clients, BUCKET, {}, "Prod-Site")
    assert resource.id.startswith("prod-site-")
    assert resource.check({}) == {}
    assert not resource.diff().changes
