"""A managed policy of the bootstrap: made, or put right where it says something else."""

from __future__ import annotations

import json
from typing import Any, Final

from prod_infra.bootstrap.piece import Act, Wanted, absent_as_none

_VERSIONS_LIMIT: Final = 5
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html."""


def policy_arn(wanted: Wanted, policy: str) -> str:
    """Return the ARN of a policy of the account."""
    return f"arn:aws:iam::{wanted.account}:policy/{policy}"


def policy_acts(wanted: Wanted, policy: str, document: dict[str, Any], *, drift: bool) -> list[Act]:
    """Look at a policy, and return what is to be done.

    Args:
        wanted: what the bootstrap is for.
        policy: its name.
        document: that it must hold.
        drift: whether it should have been there.
    """
    iam, arn = wanted.clients("iam"), policy_arn(wanted, policy)
    known = absent_as_none(lambda: iam.get_policy(PolicyArn=arn)["Policy"], "NoSuchEntity")
    if known is None:

        def make() -> None:
            iam.create_policy(PolicyName=policy, PolicyDocument=json.dumps(document), Tags=wanted.tags)

        return [Act(what=f"make the policy {policy}", do=make, drift=drift)]
    version = iam.get_policy_version(PolicyArn=arn, VersionId=known["DefaultVersionId"])["PolicyVersion"]
    if version["Document"] == document:
        return []
    return [Act(what=f"put right the policy {policy}", do=lambda: _rewrite(iam, arn, document), drift=True)]


def _rewrite(iam: Any, arn: str, document: dict[str, Any]) -> None:
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    if len(versions) >= _VERSIONS_LIMIT:
        oldest = min((one for one in versions if not one["IsDefaultVersion"]), key=lambda one: one["CreateDate"])
        iam.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
