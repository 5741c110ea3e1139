"""One encryption key and who may use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.operations.account import Account, account_of

ADMINISTRATION: Final = (
    "kms:CancelKeyDeletion",
    "kms:Create*",
    "kms:Delete*",
    "kms:Describe*",
    "kms:Disable*",
    "kms:Enable*",
    "kms:Get*",
    "kms:List*",
    "kms:Put*",
    "kms:Revoke*",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:Update*",
)
"""What AWS proposes for a key's administrators (KMS guide, "Allows key administrators to administer the KMS key")."""

USE: Final = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")

Statement = Mapping[str, Any]


def used_through(account: Account, service: str, region: str) -> Statement:
    """Return the statement by which the account's principals use a key through one service, where IAM lets them."""
    return {
        "Sid": "UseThroughService",
        "Effect": "Allow",
        "Principal": {"AWS": account.root},
        "Action": [*USE, "kms:CreateGrant"],
        "Resource": "*",
        "Condition": {
            "StringEquals": {"kms:ViaService": f"{service}.{region}.amazonaws.com", "kms:CallerAccount": account.id}
        },
    }


def used_by(service: str, actions: Sequence[str], condition: Mapping[str, Any]) -> Statement:
    """Return the statement by which a service itself uses a key, for what the condition names."""
    return {
        "Sid": "UsedByService",
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": list(actions),
        "Resource": "*",
        "Condition": dict(condition),
    }


@dataclass(frozen=True, kw_only=True)
class KeyArgs(ComponentArgs):
    """Arguments of `Key`.

    Attributes:
        purpose: what it encrypts, in one word; its alias is `alias/<environment>-<purpose>`.
        region: where it is.
        uses: statements of its policy that let it be used.
        deletion_window_days: days, 7 to 30, for which a deleted key can still be saved.
        protect_data: whether Pulumi refuses to delete the key, and with it whatever it encrypted.
    """

    purpose: str
    region: str
    uses: Sequence[Statement]
    deletion_window_days: int = 30
    protect_data: bool = True


class Key(Component):
    """A key that rotates each year, named by an alias. The account may administer it, and use it only as `uses` says.

    Attributes:
        arn: the key's ARN.
    """

    pulumi_type = "prod_infra:operations:Key"

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: KeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        administration = {
            "Sid": "Administration",
            "Effect": "Allow",
            "Principal": {"AWS": account_of(self).root},
            "Action": list(ADMINISTRATION),
            "Resource": "*",
        }
        key = aws.kms.Key(
            name,
            region=args.region,
            description=f"{args.purpose} ({args.environment})",
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [administration, *args.uses]}),
            enable_key_rotation=True,
            deletion_window_in_days=args.deletion_window_days,
            tags=self._tags(name),
            opts=self._child(protect=args.protect_data),
        )
        aws.kms.Alias(
            name,
            region=args.region,
            name=f"alias/{args.environment}-{args.purpose}",
            target_key_id=key.key_id,
            opts=self._child(),
        )
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})
