"""The bucket of evidence: records of runs that nobody can change or delete before their time."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from prod_infra.edge.bucket_policy import only_tls
from prod_infra.edge.private_bucket import PrivateBucket, PrivateBucketArgs


@dataclass(frozen=True, kw_only=True)
class EvidenceArgs(PrivateBucketArgs):
    """Arguments of `Evidence`.

    Attributes:
        object_lock: always on.
        evidence_retention_mode: `COMPLIANCE`, which nobody can shorten, or `GOVERNANCE`, which some can.
        evidence_retention_days: days for which each object stays as it is.
    """

    object_lock: bool = True
    evidence_retention_mode: str = "COMPLIANCE"
    evidence_retention_days: int = 365


class Evidence(PrivateBucket):
    """A private bucket with Object Lock: every object keeps its content for the retention, whoever asks."""

    pulumi_type = "prod_infra:operations:Evidence"

    def __init__(self, name: str, args: EvidenceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        aws.s3.BucketObjectLockConfiguration(
            name,
            bucket=self.bucket,
            rule=aws.s3.BucketObjectLockConfigurationRuleArgs(
                default_retention=aws.s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(
                    mode=args.evidence_retention_mode, days=args.evidence_retention_days
                )
            ),
            # S3 locks versions, and can't be told otherwise while there are none.
            opts=self._child(depends_on=[self._versioning]),
        )
        aws.s3.BucketPolicy(
            name,
            bucket=self.bucket,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [only_tls(self.arn)]}),
            opts=self._child(),
        )
