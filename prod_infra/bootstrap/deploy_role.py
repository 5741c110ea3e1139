"""The role by which GitHub deploys: what a deploy and the runbooks need, and no way to more."""

from __future__ import annotations

from typing import Any

from prod_infra.bootstrap.role import Role
from prod_infra.deployment.account.permission import EDGE_REGION


class DeployRole(Role):
    """Taken by jobs of the protected environment."""

    description = "Deploys by Pulumi from GitHub Actions"
    # A first deploy waits for a database, certificates and a distribution; an hour can be too short.
    session_seconds = 7200

    @property
    def name(self) -> str:
        """Of the role."""
        return self.wanted.role

    @property
    def github_environment(self) -> str:
        """The protected one."""
        return self.wanted.github_environment

    def statements(self) -> list[dict[str, Any]]:
        """Return what it may do with the states, and read before a deploy."""
        wanted, bucket, key = self.wanted, self.bucket_arn, self.key_arn
        return [
            {
                "Sid": "ReadAndWriteStates", "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": f"{bucket}/*",
            },
            {
                "Sid": "EncryptStates", "Effect": "Allow",
                "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"], "Resource": key,
                "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": wanted.key_alias}},
            },
            {
                # A deployer manages keys of the account, which have no names; this one is not the environment's.
                "Sid": "LeaveTheStatesKeyAlone", "Effect": "Deny",
                "Action": ["kms:CancelKeyDeletion", "kms:DisableKeyRotation", "kms:PutKeyPolicy",
                           "kms:ScheduleKeyDeletion"], "Resource": key,
                "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": wanted.key_alias}},
            },
            {
                "Sid": "KnowOwnPermissions", "Effect": "Allow",
                "Action": ["iam:GetRole", "iam:SimulatePrincipalPolicy"],
                "Resource": f"arn:aws:iam::{wanted.account}:role/{wanted.role}",
            },
            {
                "Sid": "ReadQuotasAndPrices", "Effect": "Allow",
                "Action": ["pricing:GetProducts", "servicequotas:GetAWSDefaultServiceQuota",
                           "servicequotas:GetServiceQuota", "cloudfront:ListDistributions"],
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:RequestedRegion": sorted({wanted.region, EDGE_REGION})}},
            },
        ]  # fmt: skip
