"""The bucket to which load balancer, buckets and distribution write who asked for what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from prod_infra.edge.bucket_policy import only_tls
from prod_infra.edge.private_bucket import PrivateBucket, PrivateBucketArgs
from prod_infra.operations.account import account_of

ALB_PREFIX: Final = "alb"
CDN_PREFIX: Final = "cdn"
BUCKETS_PREFIX: Final = "s3"


class AccessLogs(PrivateBucket):
    """A private bucket for access logs. Each service may write under a prefix of its own, for this account alone.

    It is encrypted with S3's own keys: load balancers and S3 deliver to no bucket with a key in KMS (ALB guide, "Enable
    access logs"; S3 guide, "Enabling server access logging"). It does not log the access to itself, which would grow
    without end. CloudFront delivers by CloudWatch Logs (standard logging v2), which wants no ACLs, unlike its legacy
    logging.

    Attributes:
        target_bucket: the bucket's name, known once services may write to it.
        target_arn: the bucket's ARN, likewise.
    """

    pulumi_type = "prod_infra:operations:AccessLogs"

    target_bucket: pulumi.Output[str]
    target_arn: pulumi.Output[str]

    def __init__(self, name: str, args: PrivateBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        account = account_of(self)
        owner = {"StringEquals": {"aws:SourceAccount": account.id}}
        deliveries = account.arn("logs:*:", "delivery-source:*")
        elb_path = pulumi.Output.concat(ALB_PREFIX, "/AWSLogs/", account.id)
        policy = aws.s3.BucketPolicy(
            name,
            bucket=self.bucket,
            policy=pulumi.Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        # The account is in the path; ALB guide, "Enable access logs", step 2.
                        self._writer("LoadBalancers", "logdelivery.elasticloadbalancing", elb_path, {}),
                        self._writer("Buckets", "logging.s3", BUCKETS_PREFIX, owner),
                        self._writer(
                            "Deliveries",
                            "delivery.logs",
                            CDN_PREFIX,
                            {**owner, "ArnLike": {"aws:SourceArn": deliveries}},
                        ),
                        only_tls(self.arn),
                    ],
                }
            ),
            opts=self._child(),
        )
        self.target_bucket = policy.bucket
        self.target_arn = pulumi.Output.concat("arn:", account.partition, ":s3:::", policy.bucket)

    def _writer(self, sid: str, service: str, path: pulumi.Input[str], condition: Mapping[str, Any]) -> dict[str, Any]:
        statement = {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": pulumi.Output.concat(self.arn, "/", path, "/*"),
        }
        return {**statement, "Condition": dict(condition)} if condition else statement
