"""Logs, lifecycle and retention of buckets through their life."""

from __future__ import annotations

import json
from typing import Any

import pytest

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

BUCKET = "aws:s3/bucket:Bucket"
LOGGING = "aws:s3/bucketLogging:BucketLogging"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"


@pytest.fixture
def bucket(clients: Clients) -> str:
    """Return the name of a bucket of the test's own."""
    return made(clients, BUCKET, {}).id


def test_logging(clients: Clients, bucket: str) -> None:
    """A bucket's access logs go to another bucket, under a prefix that changes in place."""
    target = made(clients, BUCKET, {}, "logs").id
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{target}/s3/*",
    }
    denied = {**allowed, "Effect": "Deny", "Principal": "*"}
    policy = {"Version": "2012-10-17", "Statement": [denied, allowed]}
    clients("s3").put_bucket_policy(Bucket=target, Policy=json.dumps(policy))
    inputs = {"bucket": bucket, "targetBucket": target, "targetPrefix": "s3/"}
    run_lifecycle(clients, LOGGING, inputs, {**inputs, "targetPrefix": "s3/site/"})


def test_notification(clients: Clients, bucket: str) -> None:
    """A bucket tells EventBridge what happens to its objects, or no more."""
    run_lifecycle(clients, NOTIFICATION, {"bucket": bucket, "eventbridge": True})
    assert "EventBridgeConfiguration" not in clients("s3").get_bucket_notification_configuration(Bucket=bucket)


def test_logging_needs_the_targets_leave(clients: Clients, bucket: str) -> None:
    """AWS refuses a target whose policy doesn't let the logs in."""
    target = made(clients, BUCKET, {}, "logs").id
    resource = Resource(clients, LOGGING)
    assert resource.check({"bucket": bucket, "targetBucket": target}) == {}
    with pytest.raises(ProdInfraError, match="InvalidTargetBucketForLogging"):
        resource.create()


def test_lifecycle(clients: Clients, bucket: str) -> None:
    """Rules with every action are set and changed; one without a filter is for all objects."""
    tidy = {"id": "tidy", "status": "Enabled", "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}}
    expire: dict[str, Any] = {
        "id": "expire",
        "status": "Enabled",
        "filter": {"prefix": "logs/"},
        "expiration": {"days": 365},
        "noncurrentVersionExpiration": {"noncurrentDays": 30},
        "transitions": [{"days": 90, "storageClass": "STANDARD_IA"}],
        "noncurrentVersionTransitions": [{"noncurrentDays": 10, "storageClass": "STANDARD_IA"}],
    }
    longer = {**expire, "expiration": {"days": 400}}
    first = {"bucket": bucket, "rules": [tidy, expire]}
    state = run_lifecycle(clients, LIFECYCLE, first, {"bucket": bucket, "rules": [longer, tidy]})
    assert {rule["id"] for rule in state["rules"]} == {"tidy", "expire"}


def test_object_lock(clients: Clients) -> None:
    """The default retention changes in place, and goes without Object Lock going."""
    bucket = made(clients, BUCKET, {"objectLockEnabled": True}).id

    def kept(days: int) -> dict[str, Any]:
        return {"bucket": bucket, "rule": {"defaultRetention": {"mode": "COMPLIANCE", "days": days}}}

    run_lifecycle(clients, LOCK, kept(365), kept(400))
    held = clients("s3").get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert held["ObjectLockEnabled"] == "Enabled"
