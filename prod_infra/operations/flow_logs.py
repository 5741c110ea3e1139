"""Flow logs of the VPC: who spoke to whom, and who was refused."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.operations.account import account_of, trust_policy


@dataclass(frozen=True, kw_only=True)
class FlowLogsArgs(ComponentArgs):
    """Arguments of `FlowLogs`.

    Attributes:
        region: AWS region, part of the log group's ARN.
        vpc_id: the VPC's ID.
        kms_key_arn: key of the log group.
        log_retention_days: days for which the logs are kept.
        permissions_boundary: name of the policy that bounds the role; None for none.
    """

    region: str
    vpc_id: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str]
    log_retention_days: int = 365
    permissions_boundary: str | None = None


class FlowLogs(Component):
    """All traffic of the VPC, accepted and rejected, each minute, in an encrypted log group.

    Attributes:
        log_group_name: `/<environment>/vpc-flow-logs`.
    """

    pulumi_type = "prod_infra:operations:FlowLogs"

    log_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: FlowLogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        group = aws.cloudwatch.LogGroup(
            name,
            name=f"/{args.environment}/vpc-flow-logs",
            retention_in_days=args.log_retention_days,
            kms_key_id=args.kms_key_arn,
            tags=self._tags(name),
            opts=self._child(),
        )
        account = account_of(self)
        role = aws.iam.Role(
            name,
            assume_role_policy=trust_policy("vpc-flow-logs.amazonaws.com", account),
            permissions_boundary=account.policy_arn(args.permissions_boundary),
            tags=self._tags(),
            opts=self._child(),
        )
        writes = {
            "Sid": "WriteLogs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": pulumi.Output.concat(account.log_group_arn(args.region, group.name), ":*"),
        }
        policy = aws.iam.RolePolicy(
            name,
            role=role.name,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [writes]}),
            opts=self._child(),
        )
        aws.ec2.FlowLog(
            name,
            vpc_id=args.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=60,
            tags=self._tags(name),
            opts=self._child(depends_on=[policy]),
        )
        self.log_group_name = group.name
        self.register_outputs({"logGroupName": self.log_group_name})
