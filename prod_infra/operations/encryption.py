"""The environment's keys: one for each purpose, so that access to one kind of data opens no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi

from prod_infra.component import Component, ComponentArgs
from prod_infra.operations.account import account_of
from prod_infra.operations.key import USE, Key, KeyArgs, Statement, used_by, used_through

GLOBAL_REGION: Final = "us-east-1"
"""Where CloudFront has its certificates, its web ACL, its metrics and its logs' deliveries."""


@dataclass(frozen=True, kw_only=True)
class EncryptionArgs(ComponentArgs):
    """Arguments of `Encryption`.

    Attributes:
        region: AWS region of the environment.
        kms_deletion_window_days: days, 7 to 30, for which a deleted key can still be saved.
        protect_data: whether Pulumi refuses to delete the keys.
    """

    region: str
    kms_deletion_window_days: int = 30
    protect_data: bool = True


class Encryption(Component):
    """A key for each kind of data, and two in us-east-1 for what CloudFront keeps there.

    Logs of load balancers and of buckets have no key here: AWS delivers them only to buckets with S3's own encryption
    (ALB guide, "Enable access logs"; S3 guide, "Enabling server access logging").

    Attributes:
        database: ARN of DocumentDB's key.
        secrets: ARN of Secrets Manager's.
        images: ARN of the container images'.
        buckets: ARN of the buckets'; the account's distributions may decrypt, and each bucket's policy says which.
        logs: ARN of the log groups'.
        alarms: ARN of the alarm topic's.
        edge_logs: ARN of the log groups' in us-east-1.
        edge_alarms: ARN of the alarm topic's in us-east-1.
    """

    pulumi_type = "prod_infra:operations:Encryption"

    database: pulumi.Output[str]
    secrets: pulumi.Output[str]
    images: pulumi.Output[str]
    buckets: pulumi.Output[str]
    logs: pulumi.Output[str]
    alarms: pulumi.Output[str]
    edge_logs: pulumi.Output[str]
    edge_alarms: pulumi.Output[str]

    def __init__(self, name: str, args: EncryptionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        self._account = account_of(self)

        def key(purpose: str, uses: Sequence[Statement], region: str = args.region) -> pulumi.Output[str]:
            return Key(
                f"{name}-{purpose}",
                KeyArgs(
                    environment=args.environment,
                    purpose=purpose,
                    region=region,
                    uses=uses,
                    deletion_window_days=args.kms_deletion_window_days,
                    protect_data=args.protect_data,
                ),
                self._child(),
            ).arn

        # DocumentDB's control plane is RDS's.
        self.database = key("database", [used_through(self._account, "rds", args.region)])
        self.secrets = key("secrets", [used_through(self._account, "secretsmanager", args.region)])
        self.images = key("images", [used_through(self._account, "ecr", args.region)])
        self.buckets = key("buckets", [used_through(self._account, "s3", args.region), self._distributions()])
        self.logs = key("logs", [self._log_groups(args.region)])
        self.alarms = key("alarms", [self._alarms(args.region), used_through(self._account, "sns", args.region)])
        self.edge_logs = key("edge-logs", [self._log_groups(GLOBAL_REGION)], GLOBAL_REGION)
        edge_topic = [self._alarms(GLOBAL_REGION), used_through(self._account, "sns", GLOBAL_REGION)]
        self.edge_alarms = key("edge-alarms", edge_topic, GLOBAL_REGION)
        self.register_outputs({"database": self.database, "buckets": self.buckets, "logs": self.logs})

    def _distributions(self) -> Statement:
        """Let CloudFront decrypt: CloudFront guide, "Restrict access to an Amazon S3 origin", SSE-KMS."""
        source = self._account.arn("cloudfront::", "distribution/*")
        return used_by("cloudfront.amazonaws.com", ["kms:Decrypt"], {"ArnLike": {"aws:SourceArn": source}})

    def _log_groups(self, region: str) -> Statement:
        """Let a region's log groups be encrypted: CloudWatch Logs guide, "Encrypt log data using AWS KMS"."""
        groups = self._account.arn(f"logs:{region}:", "log-group:*")
        return used_by(f"logs.{region}.amazonaws.com", USE, {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}})

    def _alarms(self, region: str) -> Statement:
        """Let a region's alarms publish: SNS guide, "Enable compatibility between event sources and topics"."""
        condition = {
            "StringEquals": {"aws:SourceAccount": self._account.id},
            "ArnLike": {"aws:SourceArn": self._account.arn(f"cloudwatch:{region}:", "alarm:*")},
        }
        return used_by("cloudwatch.amazonaws.com", ["kms:Decrypt", "kms:GenerateDataKey*"], condition)
