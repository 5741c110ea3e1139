"""A private bucket: the site's, the images', the logs' and the evidence's are four of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_aws import s3

from prod_infra.component import Component, ComponentArgs
from prod_infra.operations.account import account_of

OLD_VERSION_DAYS: Final = 90
"""How long an overwritten or deleted object can be had back."""

ABANDONED_UPLOAD_DAYS: Final = 7


@dataclass(frozen=True, kw_only=True)
class PrivateBucketArgs(ComponentArgs):
    """Arguments of every private bucket.

    Attributes:
        force_destroy: delete the bucket even if it holds objects.
        protect_data: whether Pulumi refuses to delete the bucket.
        kms_key_arn: key of its objects; None for S3's own.
        log_bucket: bucket that gets its access logs; None for no logs.
        expire_days: days after which objects go; None for never.
        object_lock: whether object versions can be locked; to be said at the birth.
    """

    force_destroy: bool = False
    protect_data: bool = True
    kms_key_arn: pulumi.Input[str] | None = None
    log_bucket: pulumi.Input[str] | None = None
    expire_days: int | None = None
    object_lock: bool = False


class PrivateBucket(Component):
    """A private, versioned, encrypted bucket, without ACLs, named by the provider as names are shared world-wide.

    Old versions and abandoned uploads are cleared away. Who may read it is said by a policy beside it.

    Attributes:
        bucket: the bucket's name.
        arn: the bucket's ARN.
        regional_domain_name: where CloudFront fetches from.
    """

    bucket: pulumi.Output[str]
    arn: pulumi.Output[str]
    regional_domain_name: pulumi.Output[str]

    def __init__(self, name: str, args: PrivateBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        bucket = s3.Bucket(
            name,
            force_destroy=args.force_destroy,
            object_lock_enabled=args.object_lock,
            tags=self._tags(name),
            opts=self._child(protect=args.protect_data),
        )
        self.bucket = bucket.bucket
        # Made from the name, which a preview knows, so that a policy can be judged before the bucket is there.
        self.arn = pulumi.Output.concat("arn:", account_of(self).partition, ":s3:::", bucket.bucket)
        self.regional_domain_name = bucket.bucket_regional_domain_name
        s3.BucketPublicAccessBlock(
            name,
            bucket=self.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._child(),
        )
        s3.BucketOwnershipControls(
            name,
            bucket=self.bucket,
            rule=s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self._child(),
        )
        self._versioning = s3.BucketVersioning(
            name,
            bucket=self.bucket,
            versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self._child(),
        )
        self._encrypt(name, args.kms_key_arn)
        s3.BucketLifecycleConfiguration(
            name,
            bucket=self.bucket,
            rules=_lifecycle(args.expire_days),
            # S3 takes rules for old versions only once there are versions.
            opts=self._child(depends_on=[self._versioning]),
        )
        s3.BucketNotification(name, bucket=self.bucket, eventbridge=True, opts=self._child())
        if args.log_bucket is not None:
            s3.BucketLogging(
                name,
                bucket=self.bucket,
                target_bucket=args.log_bucket,
                target_prefix=pulumi.Output.concat("s3/", self.bucket, "/"),
                opts=self._child(),
            )
        self.register_outputs({"bucket": self.bucket, "arn": self.arn})

    def _encrypt(self, name: str, kms_key_arn: pulumi.Input[str] | None) -> None:
        default = s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="AES256" if kms_key_arn is None else "aws:kms", kms_master_key_id=kms_key_arn
        )
        s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=self.bucket,
            rules=[
                s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=default,
                    # One call to KMS for many objects.
                    bucket_key_enabled=None if kms_key_arn is None else True,
                )
            ],
            opts=self._child(),
        )


def _lifecycle(expire_days: int | None) -> Sequence[s3.BucketLifecycleConfigurationRuleArgs]:
    """Return one rule for every object of the bucket."""
    expiration = None
    if expire_days is not None:
        expiration = s3.BucketLifecycleConfigurationRuleExpirationArgs(days=expire_days)
    return [
        s3.BucketLifecycleConfigurationRuleArgs(
            id="tidy",
            status="Enabled",
            filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            expiration=expiration,
            noncurrent_version_expiration=s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=OLD_VERSION_DAYS
            ),
            abort_incomplete_multipart_upload=s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                days_after_initiation=ABANDONED_UPLOAD_DAYS
            ),
        )
    ]
