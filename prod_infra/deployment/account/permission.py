"""One thing that a deployer may do, and the policy that bounds the roles which it makes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

EDGE_REGION: Final = "us-east-1"
"""Of CloudFront's certificate and web ACL, and of requests to global services."""

READS: Final = ("Describe", "Get", "List", "Lookup")
"""How actions begin that change nothing."""


def boundary(name: str) -> str:
    """Return the name of the policy that bounds an environment's roles; not of the form `prod-*`."""
    return f"pulumi-boundary-{name}"


def boundary_arn(account: str, policy: str) -> str:
    """Return the ARN of a policy by its name."""
    return f"arn:aws:iam::{account}:policy/{policy}"


@dataclass(frozen=True, kw_only=True)
class Permission:
    """Actions for some types of resource.

    Attributes:
        sid: says what for, as IAM wants it: letters and digits.
        policy: name of the managed policy that holds it; IAM takes 6144 characters for each.
        types: type tokens, all that begin so; empty for what every deploy needs.
        actions: without the service, separated by blanks; `*` only at the end of reads.
        service: prefix of the actions.
        resources: ARNs with `{account}` and `{name}`, the environment's name.
        passed_to: service to which alone roles may be passed.
        bounded: whether it holds only for roles that carry the environment's permissions boundary: who may make roles
            and write their policies could else give itself anything.
    """

    sid: str
    policy: str
    types: tuple[str, ...]
    service: str
    actions: str
    resources: tuple[str, ...] = ("*",)
    passed_to: str = ""
    bounded: bool = False

    @property
    def full_actions(self) -> list[str]:
        """With the service, as `ec2:CreateVpc`."""
        return [f"{self.service}:{action}" for action in self.actions.split()]

    def arns(self, account: str, name: str) -> list[str]:
        """Return the resources of one environment in one account."""
        return [arn.format(account=account, name=name) for arn in self.resources]

    def statement(self, account: str, name: str, regions: Iterable[str]) -> dict[str, Any]:
        """Return the statement of an IAM policy."""
        condition: dict[str, Any] = {"StringEquals": {"aws:RequestedRegion": sorted({*regions, EDGE_REGION})}}
        if self.passed_to:
            # PassRole is no request of its own: it has no region.
            condition = {"StringEquals": {"iam:PassedToService": self.passed_to}}
        if self.bounded:
            condition["StringEquals"]["iam:PermissionsBoundary"] = boundary_arn(account, boundary(name))
        return {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": self.full_actions,
            "Resource": self.arns(account, name),
            "Condition": condition,
        }

    @property
    def reading(self) -> Permission | None:
        """What is left without the actions that change something; None where nothing is."""
        kept = [action for action in self.actions.split() if action.startswith(READS)]
        return replace(self, actions=" ".join(kept)) if kept else None

    def is_for(self, types: Iterable[str]) -> bool:
        """Whether any of the types needs it."""
        return not self.types or any(found.startswith(self.types) for found in types)
