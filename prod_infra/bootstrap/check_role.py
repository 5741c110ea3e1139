"""The role of scheduled checks: it reads what a deploy may change, and the state; it changes neither."""

from __future__ import annotations

from typing import Any

from prod_infra.bootstrap.role import Role


class CheckRole(Role):
    """Taken by jobs of an environment that nobody has to approve."""

    description = "Looks for drift and ending certificates from GitHub Actions; changes nothing"
    session_seconds = 3600
    reading = True

    @property
    def name(self) -> str:
        """Of the role."""
        return self.wanted.check_role

    @property
    def github_environment(self) -> str:
        """The one without reviewers."""
        return self.wanted.checks_environment

    def statements(self) -> list[dict[str, Any]]:
        """Return what it may read of the states and of secrets: who compares the two has to read both."""
        wanted, bucket, key = self.wanted, self.bucket_arn, self.key_arn
        return [
            {"Sid": "ReadStates", "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{bucket}/*"},
            {
                "Sid": "DecryptStates", "Effect": "Allow",
                "Action": ["kms:Decrypt", "kms:DescribeKey"], "Resource": key,
                "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": wanted.key_alias}},
            },
            {
                "Sid": "DecryptSecrets", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key,
                "Condition": {"StringEquals": {"kms:ViaService": f"secretsmanager.{wanted.region}.amazonaws.com"}},
            },
        ]  # fmt: skip
