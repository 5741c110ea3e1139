"""A bucket that only CloudFront reads; the site and the images are two of them."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs


@dataclass(frozen=True, kw_only=True)
class PrivateBucketArgs(ComponentArgs):
    """Arguments of `S3Site` and `S3Images`.

    Attributes:
        force_destroy: delete the bucket even if it holds objects.
        protect_data: whether Pulumi refuses to delete the bucket.
    """

    force_destroy: bool = False
    protect_data: bool = True


class PrivateBucket(Component):
    """A private, versioned, encrypted bucket, without ACLs, named by the provider as names are shared world-wide.

    Who may read it is said by `Cdn`, which knows the distribution.

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
        bucket = aws.s3.Bucket(
            name,
            force_destroy=args.force_destroy,
            tags=self._tags(name),
            opts=self._child(protect=args.protect_data),
        )
        aws.s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._child(),
        )
        aws.s3.BucketOwnershipControls(
            name,
            bucket=bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self._child(),
        )
        aws.s3.BucketVersioning(
            name,
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self._child(),
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="AES256"
                        )
                    ),
                )
            ],
            opts=self._child(),
        )
        self.bucket = bucket.bucket
        self.arn = bucket.arn
        self.regional_domain_name = bucket.bucket_regional_domain_name
        self.register_outputs({"bucket": self.bucket, "arn": self.arn})
