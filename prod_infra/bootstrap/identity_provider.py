"""GitHub's identity provider: AWS believes its tokens, and roles trust jobs by what these say."""

from __future__ import annotations

from typing import Any, Final

from prod_infra.bootstrap.piece import Act, Piece, Wanted, absent_as_none

ISSUER: Final = "token.actions.githubusercontent.com"
"""https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws."""

_AUDIENCE: Final = "sts.amazonaws.com"


def provider_arn(wanted: Wanted) -> str:
    """Return the ARN of GitHub's identity provider in the account."""
    return f"arn:aws:iam::{wanted.account}:oidc-provider/{ISSUER}"


def trust(wanted: Wanted, github_environment: str) -> dict[str, Any]:
    """Return who may take a role: jobs of one repository in one of its environments, and nobody else."""
    subject = f"repo:{wanted.repository}:environment:{github_environment}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OneEnvironmentOfOneRepository",
                "Effect": "Allow",
                "Principal": {"Federated": provider_arn(wanted)},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{ISSUER}:aud": _AUDIENCE, f"{ISSUER}:sub": subject}},
            }
        ],
    }


class IdentityProvider(Piece):
    """Lets AWS believe GitHub's tokens; there is one in an account, whoever uses it."""

    def acts(self) -> list[Act]:
        """Make it, or let it take the audience of `aws-actions/configure-aws-credentials`."""
        iam, arn = self.wanted.clients("iam"), provider_arn(self.wanted)
        found = absent_as_none(lambda: iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn), "NoSuchEntity")
        if found is None:
            return [Act(what=f"make the identity provider {ISSUER}", do=self._make, drift=False)]
        if _AUDIENCE not in found["ClientIDList"]:

            def add() -> None:
                iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=_AUDIENCE)

            return [Act(what=f"let the identity provider {ISSUER} take the audience {_AUDIENCE}", do=add, drift=True)]
        return []

    def _make(self) -> None:
        # AWS checks GitHub's certificate by its own list of authorities: no thumbprint is needed.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
        self.wanted.clients("iam").create_open_id_connect_provider(
            Url=f"https://{ISSUER}", ClientIDList=[_AUDIENCE], Tags=self.wanted.tags
        )
