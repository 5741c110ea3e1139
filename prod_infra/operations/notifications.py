"""Where alarms go: an encrypted topic, to which people and tools subscribe."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.operations.account import account_of


@dataclass(frozen=True, kw_only=True)
class NotificationsArgs(ComponentArgs):
    """Arguments of `Notifications`.

    Attributes:
        region: an alarm reaches only topics of its own region.
        kms_key_arn: key of the topic, in that region.
    """

    region: str
    kms_key_arn: pulumi.Input[str]


class Notifications(Component):
    """An encrypted topic to which the account's alarms of one region publish, and nobody without TLS.

    Attributes:
        topic_arn: the topic's ARN.
    """

    pulumi_type = "prod_infra:operations:Notifications"

    topic_arn: pulumi.Output[str]

    def __init__(self, name: str, args: NotificationsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        account = account_of(self)
        topic_name = f"{args.environment}-alarms"
        # The policy names the topic, so its ARN has to be known before it is made.
        arn = account.arn(f"sns:{args.region}:", topic_name)
        publish = {"Action": "sns:Publish", "Resource": arn}
        statements = [
            {
                **publish,
                "Sid": "Alarms",
                "Effect": "Allow",
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": account.id},
                    "ArnLike": {"aws:SourceArn": account.arn(f"cloudwatch:{args.region}:", "alarm:*")},
                },
            },
            {
                **publish,
                "Sid": "OnlyTls",
                "Effect": "Deny",
                "Principal": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ]
        self.topic_arn = aws.sns.Topic(
            name,
            region=args.region,
            name=topic_name,
            kms_master_key_id=args.kms_key_arn,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements}),
            tags=self._tags(name),
            opts=self._child(),
        ).arn
        self.register_outputs({"topicArn": self.topic_arn})
