"""Roles that their service can't assume, and trust policies that are none: AWS refuses both, moto takes them.

Follows https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any, Final

from moto.iam.models import iam_backends

from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.calls import Call
from prod_infra.local_aws.refusals.checks import refuses
from prod_infra.local_aws.refusals.refused import Refused

TASKS: Final = "ecs-tasks.amazonaws.com"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def assumable(role_arn: str, service: str) -> bool:
    """Return whether a role exists and its trust policy lets a service assume it.

    Args:
        role_arn: of the role.
        service: such as `ecs-tasks.amazonaws.com`.
    """
    roles = iam_backends[ACCOUNT_ID]["aws"].roles.values()
    trust = next((role.assume_role_policy_document for role in roles if role.arn == role_arn), None)
    if trust is None:
        return False
    return any(
        statement.get("Effect") == "Allow"
        and any(fnmatchcase("sts:AssumeRole", action) for action in _listed(statement.get("Action", [])))
        and isinstance(statement.get("Principal"), dict)
        and service in _listed(statement["Principal"].get("Service", []))
        for statement in _listed(json.loads(trust).get("Statement", []))
    )


def _trust(_: Call, given: Any) -> None:
    text = given.get("AssumeRolePolicyDocument") or given.get("PolicyDocument") or ""
    try:
        policy = json.loads(text)
    except ValueError as error:
        raise Refused("MalformedPolicyDocument", f"This policy contains invalid Json: {error}") from error
    statements = _listed(policy.get("Statement", [])) if isinstance(policy, dict) else []
    if not statements:
        raise Refused("MalformedPolicyDocument", "Missing required field Statement")
    for statement in statements:
        if "Resource" in statement:
            raise Refused("MalformedPolicyDocument", "Has prohibited field Resource")
        if not {"Principal", "NotPrincipal"} & statement.keys():
            raise Refused("MalformedPolicyDocument", "Missing required field Principal")


def _task_roles(_: Call, given: Any) -> None:
    for name in ("executionRoleArn", "taskRoleArn"):
        arn = given.get(name) or ""
        # A task role may be given by its name.
        if arn.startswith("arn:") and not assumable(arn, TASKS):
            raise Refused("ClientException", f"Role is not valid: {TASKS} can't assume {name} {arn}")


def _deployment_role(_: Call, given: Any) -> None:
    arn = given.get("serviceRoleArn")
    if arn and not assumable(arn, "codedeploy.amazonaws.com"):
        raise Refused(
            "InvalidRoleException", f"AWS CodeDeploy does not have the permissions required to assume the role {arn}."
        )


def register() -> None:
    """Add the checks of roles."""
    refuses("iam", "CreateRole", "UpdateAssumeRolePolicy")(_trust)
    refuses("ecs", "RegisterTaskDefinition")(_task_roles)
    refuses("codedeploy", "CreateDeploymentGroup", "UpdateDeploymentGroup")(_deployment_role)
