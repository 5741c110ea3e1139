"""A role that one environment of one repository may take: trust, session, policies, and nothing beside them."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any, ClassVar

from prod_infra.bootstrap.identity_provider import trust
from prod_infra.bootstrap.managed_policy import policy_acts, policy_arn
from prod_infra.bootstrap.piece import Act, Piece, absent_as_none
from prod_infra.deployment.account.permissions import policies


class Role(Piece):
    """A role and its policies."""

    description: ClassVar[str]
    session_seconds: ClassVar[int]
    reading: ClassVar[bool] = False
    """Whether it only reads what a deploy may change."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Of the role."""

    @property
    @abstractmethod
    def github_environment(self) -> str:
        """Whose jobs may take it."""

    @abstractmethod
    def statements(self) -> list[dict[str, Any]]:
        """Return what it may do beside finding the states and what the permissions of a deploy are."""

    @property
    def bucket_arn(self) -> str:
        """Of the states' bucket."""
        return f"arn:aws:s3:::{self.wanted.bucket}"

    @property
    def key_arn(self) -> str:
        """Of any key of the account in the region."""
        return f"arn:aws:kms:{self.wanted.region}:{self.wanted.account}:key/*"

    def documents(self) -> Mapping[str, dict[str, Any]]:
        """Return its policies by name."""
        wanted, actions = self.wanted, ["s3:ListBucket", "s3:GetBucketLocation"]
        find = {"Sid": "FindStates", "Effect": "Allow", "Action": actions, "Resource": self.bucket_arn}
        found = {"state": {"Version": "2012-10-17", "Statement": [find, *self.statements()]}}
        found |= policies(wanted.account, wanted.environment, [wanted.region], reading=self.reading)
        return {f"{self.name}-{name}": document for name, document in found.items()}

    @property
    def trust(self) -> dict[str, Any]:
        """Who may take it."""
        return trust(self.wanted, self.github_environment)

    def acts(self) -> list[Act]:
        """Make the role and its policies; another trust, document or policy than ours is drift."""
        iam, name, wants = self.wanted.clients("iam"), self.name, self.trust
        role = absent_as_none(lambda: iam.get_role(RoleName=name)["Role"], "NoSuchEntity")
        found: list[Act] = []
        if role is None:
            found.append(Act(what=f"make the role {name} for {self.wanted.repository}", do=self._make, drift=False))
        else:
            if role["AssumeRolePolicyDocument"] != wants:

                def retrust() -> None:
                    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(wants))

                found.append(Act(what=f"put right who may take the role {name}", do=retrust, drift=True))
            if role["MaxSessionDuration"] != self.session_seconds:

                def resize() -> None:
                    iam.update_role(RoleName=name, MaxSessionDuration=self.session_seconds)

                found.append(Act(what=f"put right how long a session of {name} lasts", do=resize, drift=True))
        for policy, document in self.documents().items():
            found += policy_acts(self.wanted, policy, document, drift=role is not None)
            found += self._attachment(policy, there=role is not None)
        return found + (self._extras() if role is not None else [])

    def _make(self) -> None:
        self.wanted.clients("iam").create_role(
            RoleName=self.name,
            AssumeRolePolicyDocument=json.dumps(self.trust),
            MaxSessionDuration=self.session_seconds,
            Description=self.description,
            Tags=self.wanted.tags,
        )

    @cached_property
    def _attached(self) -> set[str]:
        pages = self.wanted.clients("iam").get_paginator("list_attached_role_policies")
        return {one["PolicyArn"] for page in pages.paginate(RoleName=self.name) for one in page["AttachedPolicies"]}

    def _attachment(self, policy: str, *, there: bool) -> list[Act]:
        iam, arn = self.wanted.clients("iam"), policy_arn(self.wanted, policy)
        if there and arn in self._attached:
            return []
        attach = partial(iam.attach_role_policy, RoleName=self.name, PolicyArn=arn)
        return [Act(what=f"attach the policy {policy}", do=attach, drift=there)]

    def _extras(self) -> list[Act]:
        """Take away what somebody has given the role beside ours."""
        iam, role = self.wanted.clients("iam"), self.name
        ours = {policy_arn(self.wanted, policy) for policy in self.documents()}
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
