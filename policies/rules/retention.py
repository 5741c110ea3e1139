"""What must last: evidence, versions, images, logs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UnknownValueError

from policies.checks import Check, Props, all_of, at_least, at_most, each, number, present, satisfies
from policies.graph import Stack, items, known, undecided
from policies.rule import (
    CHECKOV,
    UNKNOWN,
    WELL_ARCHITECTED,
    Absent,
    Example,
    Node,
    ResourceRule,
    Severity,
    StackRule,
    Threshold,
)
from policies.rules.audit_trail import takes_logs
from policies.tokens import (
    BUCKET,
    BUCKET_ENCRYPTION,
    BUCKET_LIFECYCLE,
    BUCKET_OBJECT_LOCK,
    ECR_LIFECYCLE,
    KMS_KEY,
)

MIN_LOCK_DAYS = 365
MIN_EXPIRY_DAYS = 365
MIN_OLD_VERSION_DAYS = 30
MAX_UPLOAD_DAYS = 7
MIN_IMAGES = 10
DAYS_A_YEAR = 365

_KEPT: Mapping[str, tuple[str, ...]] = {WELL_ARCHITECTED: ("SEC08-BP04",)}


def _locked(days: float) -> Check:
    def check(props: Props) -> Iterator[str]:
        retention = (props.get("rule") or {}).get("defaultRetention") or {}
        kept = number(retention.get("days")) or (number(retention.get("years")) or 0) * DAYS_A_YEAR
        if kept < days:
            yield f"rule.defaultRetention must be at least {days:g} days"

    return check


LOCK_LONG = ResourceRule(
    id="s3-object-lock-days",
    title=f"Evidence is locked for {MIN_LOCK_DAYS} days or more",
    why="An intrusion is often noticed only after months; by then nobody could prove what had been done.",
    severity=Severity.MEDIUM,
    on=BUCKET_OBJECT_LOCK,
    keys=("rule.defaultRetention", "rule.defaultRetention.days", "rule.defaultRetention.years"),
    absent=Absent(means="AWS locks nothing by itself"),
    fix=f"Keep Settings.evidence_retention_days at {MIN_LOCK_DAYS} or more.",
    controls=_KEPT,
    check=_locked(MIN_LOCK_DAYS),
    threshold=Threshold(name="minimumDays", floor=MIN_LOCK_DAYS, check=_locked),
    passes=({"rule": {"defaultRetention": {"days": 365}}}, {"rule": {"defaultRetention": {"years": 1}}}),
    fails=({"rule": {"defaultRetention": {"days": 30}}}, {"rule": {}}),
)


def _lockable(bucket: PolicyResource, stack: Stack) -> Iterator[str]:
    locks = stack.users(bucket, "bucket", BUCKET_OBJECT_LOCK)
    on = known(bucket, "objectLockEnabled") is True
    if locks and not on:
        yield "objectLockEnabled must be true where a BucketObjectLockConfiguration names the bucket"
    if on and not locks and not known(bucket, "objectLockConfiguration"):
        for other in stack.of(BUCKET_OBJECT_LOCK):
            if not other.property_dependencies.get("bucket"):
                undecided(other, "bucket")
        yield "no BucketObjectLockConfiguration is made for it; each writer would have to remember to lock"


def _lock(*locks: Node, on: bool = True) -> Example:
    return (Node(BUCKET[0], "bucket", {"objectLockEnabled": on}), *locks)


_LOCK = Node(BUCKET_OBJECT_LOCK[0], "lock", {}, {"bucket": ["bucket"]})

LOCK_COMPLETE = StackRule(
    id="s3-object-lock-complete",
    title="A bucket for evidence is lockable, and locks by default",
    why="Either half alone locks nothing, and evidence could be deleted by whoever made it.",
    severity=Severity.MEDIUM,
    on=BUCKET,
    keys=("objectLockEnabled", "bucket"),
    absent=Absent(means="AWS locks nothing, and nothing says that it should", passes=True),
    fix="Make the bucket with prod_infra.operations.evidence.Evidence.",
    controls=_KEPT,
    check=_lockable,
    passes=(_lock(_LOCK), _lock(on=False)),
    fails=(_lock(_LOCK, on=False), _lock()),
    lacks=(Node(BUCKET[0], "bucket"),),
    unknown=_lock(Node(BUCKET_OBJECT_LOCK[0], "lock", {"bucket": "by-name"})),
)


def _keeps(rule: Props) -> Iterator[str]:
    yield from all_of(
        satisfies(
            "expiration.days",
            lambda days: (number(days) or 0) >= MIN_EXPIRY_DAYS,
            f"be at least {MIN_EXPIRY_DAYS}",
            absent_ok=True,
        ),
        at_least("noncurrentVersionExpiration.noncurrentDays", MIN_OLD_VERSION_DAYS, absent_ok=True),
    )(rule)


def _tidy(**changes: Any) -> Mapping[str, Any]:
    good = {
        "status": "Enabled",
        "expiration": {"days": 365},
        "noncurrentVersionExpiration": {"noncurrentDays": 90},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
    }
    return {"rules": [{**good, **changes}]}


LIFECYCLE_KEEPS = ResourceRule(
    id="s3-lifecycle-keeps",
    title=f"Nothing expires in under {MIN_EXPIRY_DAYS} days, nor an old version in under {MIN_OLD_VERSION_DAYS}",
    why="Logs would be gone before an intrusion is noticed, and a deleted object before anyone misses it.",
    severity=Severity.MEDIUM,
    on=BUCKET_LIFECYCLE,
    keys=("rules", "rules[].expiration.days", "rules[].noncurrentVersionExpiration.noncurrentDays"),
    absent=Absent(means="nothing expires", passes=True),
    fix=f"Keep Settings.log_retention_days at {MIN_EXPIRY_DAYS} or more; prod_infra.edge.private_bucket does the rest.",
    controls=_KEPT,
    check=each("rules", _keeps),
    passes=(_tidy(), _tidy(expiration={"expiredObjectDeleteMarker": True})),
    fails=(_tidy(expiration={"days": 30}), _tidy(noncurrentVersionExpiration={"noncurrentDays": 1})),
)


def _clears(rule: Props) -> Iterator[str]:
    yield from all_of(
        at_most("abortIncompleteMultipartUpload.daysAfterInitiation", MAX_UPLOAD_DAYS),
        at_least("abortIncompleteMultipartUpload.daysAfterInitiation", 1),
        present("noncurrentVersionExpiration.noncurrentDays"),
    )(rule)


LIFECYCLE_CLEARS = ResourceRule(
    id="s3-lifecycle-clears",
    title=f"Abandoned uploads go after {MAX_UPLOAD_DAYS} days or fewer, and old versions some day",
    why="Nobody sees them, everybody pays for them, and personal data in them stays for ever.",
    severity=Severity.LOW,
    on=BUCKET_LIFECYCLE,
    keys=("rules", "rules[].abortIncompleteMultipartUpload.daysAfterInitiation"),
    absent=Absent(means="AWS refuses a configuration without rules; s3-lifecycle-enabled objects", passes=True),
    fix="Leave the lifecycle rule to prod_infra.edge.private_bucket.",
    controls={CHECKOV: ("CKV_AWS_300",), WELL_ARCHITECTED: ("SEC07-BP04",)},
    check=each("rules", _clears),
    passes=(_tidy(),),
    fails=(
        _tidy(abortIncompleteMultipartUpload=None),
        _tidy(abortIncompleteMultipartUpload={"daysAfterInitiation": 700}),
        _tidy(noncurrentVersionExpiration=None),
    ),
)


def _own_key(bucket: PolicyResource, stack: Stack) -> Iterator[str]:
    # Load balancers and S3 deliver logs to no bucket with a key in KMS.
    if takes_logs(bucket, stack):
        return
    for found in stack.users(bucket, "bucket", BUCKET_ENCRYPTION):
        for rule in items(known(found, "rules")):
            default = rule.get("applyServerSideEncryptionByDefault") or {}
            try:
                key = default.get("kmsMasterKeyId")
            except UnknownValueError:
                if not stack.used(found, "rules", KMS_KEY):
                    raise
                key = "one of the stack"
            if not key or "alias/aws/" in str(key) or not str(default.get("sseAlgorithm")).startswith("aws:kms"):
                yield "its encryption names no key of your own in kmsMasterKeyId"


def _encrypted(*keys: str, **default: Any) -> Example:
    rules = [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", **default}}]
    uses = {"bucket": ["bucket"], **({"rules": keys} if keys else {})}
    return (
        Node(KMS_KEY[0], "key"),
        Node(BUCKET[0], "bucket"),
        Node(BUCKET_ENCRYPTION[0], "encryption", {"rules": rules}, uses),
    )


BUCKET_OWN_KEY = StackRule(
    id="s3-own-key",
    title="A bucket that takes no logs is encrypted with a key of our own",
    why="With a key of AWS's own nobody can say who may read, see who did, or take the right back.",
    severity=Severity.MEDIUM,
    on=BUCKET,
    keys=("rules", "rules[].applyServerSideEncryptionByDefault.kmsMasterKeyId"),
    absent=Absent(means="nothing says how it encrypts; s3-has-encryption objects", passes=True),
    fix="Give the bucket's component the key for buckets of prod_infra.operations.encryption.",
    controls={CHECKOV: ("CKV_AWS_145",), WELL_ARCHITECTED: ("SEC08-BP02",)},
    check=_own_key,
    passes=(_encrypted("key", kmsMasterKeyId=UNKNOWN), _encrypted(kmsMasterKeyId="arn:aws:kms:eu-central-1:1:key/1")),
    fails=(
        _encrypted(),
        _encrypted(kmsMasterKeyId="alias/aws/s3"),
        _encrypted("key", sseAlgorithm="AES256", kmsMasterKeyId=UNKNOWN),
    ),
    lacks=(Node(BUCKET[0], "bucket"),),
    unknown=_encrypted(kmsMasterKeyId=UNKNOWN),
)


def _keeps_images(props: Props) -> Iterator[str]:
    text = props.get("policy")
    for index, rule in enumerate(json.loads(text).get("rules", []) if isinstance(text, str) and text else []):
        selection = rule.get("selection", {})
        if selection.get("tagStatus") == "untagged":
            continue
        count = number(selection.get("countNumber")) or 0
        if count < (MIN_IMAGES if selection.get("countType") == "imageCountMoreThan" else DAYS_A_YEAR):
            yield f"policy: rule {index} expires tagged images that a rollback may need"


def _images(count: int, **selection: Any) -> Mapping[str, Any]:
    good = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count}
    return {"policy": json.dumps({"rules": [{"rulePriority": 1, "selection": {**good, **selection}}]})}


ECR_KEEPS = ResourceRule(
    id="ecr-lifecycle-keeps",
    title=f"The newest {MIN_IMAGES} images, or those of a year, stay",
    why="A rollback needs the image that it goes back to.",
    severity=Severity.HIGH,
    on=ECR_LIFECYCLE,
    keys=("policy",),
    absent=Absent(means="AWS refuses one without a policy, and says so late", passes=True),
    fix="Keep the lifecycle policy of prod_infra.compute.ecr.Ecr.",
    controls={WELL_ARCHITECTED: ("REL09-BP01",)},
    check=_keeps_images,
    passes=(_images(100), _images(14, tagStatus="untagged", countType="sinceImagePushed")),
    fails=(_images(1), _images(30, countType="sinceImagePushed")),
)


RULES = (
    LOCK_LONG,
    LOCK_COMPLETE,
    LIFECYCLE_KEEPS,
    LIFECYCLE_CLEARS,
    BUCKET_OWN_KEY,
    ECR_KEEPS,
)
