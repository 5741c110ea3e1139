"""The role by which GitHub deploys: what a deploy and the runbooks need, and no way to more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prod_infra.bootstrap.piece import Wanted
from prod_infra.bootstrap.role import Role
from prod_infra.deployment.account.permission import EDGE_REGION
from prod_infra.deployment.account.permissions import policies


def documents(wanted: Wanted) -> Mapping[str, dict[str, Any]]:
    """Return the role's policies by name: what a deploy needs, the state, and what is read before a deploy."""
    bucket = f"arn:aws:s3:::{wanted.bucket}"
    key = f"arn:aws:kms:{wanted.region}:{wanted.account}:key/*"
    state = [
        {
            "Sid": "FindStates", "Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"],
            "Resource": bucket,
        },
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
    found = {"state": {"Version": "2012-10-17", "Statement": state}}
    found |= policies(wanted.account, wanted.environment, [wanted.region])
    return {f"{wanted.role}-{name}": document for name, document in found.items()}


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

    def documents(self) -> Mapping[str, dict[str, Any]]:
        """Return its policies by name."""
        return documents(self.wanted)
