"""GitHub's identity provider, and the role that one repository's protected environment may take to deploy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any, Final

from prod_infra.bootstrap.piece import Act, Piece, Wanted, absent_as_none
from prod_infra.deployment.permissions import EDGE_REGION, policies

ISSUER: Final = "token.actions.githubusercontent.com"
"""https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws."""

_AUDIENCE: Final = "sts.amazonaws.com"
_VERSIONS_LIMIT: Final = 5
"""Of a managed policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html."""

_SESSION_SECONDS: Final = 7200
"""A first deploy waits for a database, certificates and a distribution; an hour can be too short."""


def trust(wanted: Wanted) -> dict[str, Any]:
    """Return who may take the role: jobs of one repository in one protected environment, and nobody else."""
    subject = f"repo:{wanted.repository}:environment:{wanted.github_environment}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "DeployFromProtectedEnvironment",
                "Effect": "Allow",
                "Principal": {"Federated": provider_arn(wanted)},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{ISSUER}:aud": _AUDIENCE, f"{ISSUER}:sub": subject}},
            }
        ],
    }


def provider_arn(wanted: Wanted) -> str:
    """Return the ARN of GitHub's identity provider in the account."""
    return f"arn:aws:iam::{wanted.account}:oidc-provider/{ISSUER}"


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


class DeployRole(Piece):
    """The role and its policies."""

    def acts(self) -> list[Act]:
        """Make the role and its policies; another trust, document or policy than ours is drift."""
        iam, wanted = self.wanted.clients("iam"), self.wanted
        name, wants = wanted.role, trust(wanted)
        role = absent_as_none(lambda: iam.get_role(RoleName=name)["Role"], "NoSuchEntity")
        found: list[Act] = []
        if role is None:
            found.append(Act(what=f"make the role {name} for {wanted.repository}", do=self._make, drift=False))
        else:
            if role["AssumeRolePolicyDocument"] != wants:

                def retrust() -> None:
                    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(wants))

                found.append(Act(what=f"put right who may take the role {name}", do=retrust, drift=True))
            if role["MaxSessionDuration"] != _SESSION_SECONDS:

                def resize() -> None:
                    iam.update_role(RoleName=name, MaxSessionDuration=_SESSION_SECONDS)

                found.append(Act(what=f"put right how long a session of {name} lasts", do=resize, drift=True))
        for policy, document in documents(wanted).items():
            found += self._policy_acts(policy, document, attached=role is not None)
        return found + (self._extras() if role is not None else [])

    def _make(self) -> None:
        self.wanted.clients("iam").create_role(
            RoleName=self.wanted.role,
            AssumeRolePolicyDocument=json.dumps(trust(self.wanted)),
            MaxSessionDuration=_SESSION_SECONDS,
            Description="Deploys by Pulumi from GitHub Actions",
            Tags=self.wanted.tags,
        )

    def _arn(self, policy: str) -> str:
        return f"arn:aws:iam::{self.wanted.account}:policy/{policy}"

    @cached_property
    def _attached(self) -> set[str]:
        pages = self.wanted.clients("iam").get_paginator("list_attached_role_policies")
        return {
            one["PolicyArn"] for page in pages.paginate(RoleName=self.wanted.role) for one in page["AttachedPolicies"]
        }

    def _policy_acts(self, policy: str, document: dict[str, Any], *, attached: bool) -> list[Act]:
        iam, arn, role = self.wanted.clients("iam"), self._arn(policy), self.wanted.role
        known = absent_as_none(lambda: iam.get_policy(PolicyArn=arn)["Policy"], "NoSuchEntity")
        acts = []
        if known is None:

            def make() -> None:
                iam.create_policy(PolicyName=policy, PolicyDocument=json.dumps(document), Tags=self.wanted.tags)

            acts.append(Act(what=f"make the policy {policy}", do=make, drift=attached))
        else:
            version = iam.get_policy_version(PolicyArn=arn, VersionId=known["DefaultVersionId"])["PolicyVersion"]
            if version["Document"] != document:
                acts.append(
                    Act(what=f"put right the policy {policy}", do=lambda: self._rewrite(arn, document), drift=True)
                )
        if not attached or arn not in self._attached:

            def attach() -> None:
                iam.attach_role_policy(RoleName=role, PolicyArn=arn)

            acts.append(Act(what=f"attach the policy {policy}", do=attach, drift=attached))
        return acts

    def _rewrite(self, arn: str, document: dict[str, Any]) -> None:
        iam = self.wanted.clients("iam")
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        if len(versions) >= _VERSIONS_LIMIT:
            oldest = min((one for one in versions if not one["IsDefaultVersion"]), key=lambda one: one["CreateDate"])
            iam.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)

    def _extras(self) -> list[Act]:
        """Take away what somebody has given the role beside ours."""
        iam, role = self.wanted.clients("iam"), self.wanted.role
        ours = {self._arn(policy) for policy in documents(self.wanted)}
        acts = [
            Act(
                what=f"detach {arn} from the role {role}",
                do=partial(iam.detach_role_policy, RoleName=role, PolicyArn=arn),
                drift=True,
            )
            for arn in sorted(self._attached - ours)
        ]
        inline = iam.list_role_policies(RoleName=role)["PolicyNames"]
        return acts + [
            Act(
                what=f"delete the policy {name} in the role {role}",
                do=partial(iam.delete_role_policy, RoleName=role, PolicyName=name),
                drift=True,
            )
            for name in inline
        ]
