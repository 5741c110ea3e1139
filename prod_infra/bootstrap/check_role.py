"""The role of scheduled checks: it reads what a deploy may change, and the state; it changes neither."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prod_infra.bootstrap.piece import Wanted
from prod_infra.bootstrap.role import Role
from prod_infra.deployment.account.permissions import policies


def documents(wanted: Wanted) -> Mapping[str, dict[str, Any]]:
    """Return the role's policies by name. Who compares secrets with their state has to read both."""
    bucket = f"arn:aws:s3:::{wanted.bucket}"
    key = f"arn:aws:kms:{wanted.region}:{wanted.account}:key/*"
    state = [
        {
            "Sid": "FindStates", "Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"],
            "Resource": bucket,
        },
        {"Sid": "ReadStates", "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{bucket}/*"},
        {
            "Sid": "DecryptStates", "Effect": "Allow", "Action": ["kms:Decrypt", "kms:DescribeKey"], "Resource": key,
            "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": wanted.key_alias}},
        },
        {
            "Sid": "DecryptSecrets", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key,
            "Condition": {"StringEquals": {"kms:ViaService": f"secretsmanager.{wanted.region}.amazonaws.com"}},
        },
    ]  # fmt: skip
    found = {"state": {"Version": "2012-10-17", "Statement": state}}
    found |= policies(wanted.account, wanted.environment, [wanted.region], reading=True)
    return {f"{wanted.check_role}-{name}": document for name, document in found.items()}


class CheckRole(Role):
    """Taken by jobs of an environment that nobody has to approve."""

    description = "Looks for drift and ending certificates from GitHub Actions; changes nothing"
    session_seconds = 3600

    @property
    def name(self) -> str:
        """Of the role."""
        return self.wanted.check_role

    @property
    def github_environment(self) -> str:
        """The one without reviewers."""
        return self.wanted.checks_environment

    def documents(self) -> Mapping[str, dict[str, Any]]:
        """Return its policies by name."""
        return documents(self.wanted)
