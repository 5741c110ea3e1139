"""Whether the caller may do what a plan needs, asked of IAM's own simulator before the first change.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from typing import Any

from prod_infra.deployment.account.permission import Permission, boundary_arn
from prod_infra.deployment.account.permissions import PERMISSIONS
from prod_infra.deployment.account.precondition import Precondition, Question, pages
from prod_infra.deployment.clients import AwsClients
from prod_infra.deployment.engine import ChangeKind


def principal(clients: AwsClients, caller: str) -> str:
    """Return the ARN that IAM can simulate: a role's own in the place of its session's."""
    kind, _, rest = caller.partition(":assumed-role/")
    if not rest:
        return kind
    # The session's ARN leaves out the role's path, which roles of IAM Identity Center have.
    return str(clients("iam").get_role(RoleName=rest.split("/")[0])["Role"]["Arn"])


def _denied(iam: Any, who: str, permission: Permission, question: Question) -> set[str]:
    context = [
        {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": [question.region], "ContextKeyType": "string"}
    ]
    if permission.passed_to:
        key = {"ContextKeyName": "iam:PassedToService", "ContextKeyValues": [permission.passed_to]}
        context.append({**key, "ContextKeyType": "string"})
    if question.settings.permissions_boundary:
        arn = boundary_arn(question.account, question.settings.permissions_boundary)
        key = {"ContextKeyName": "iam:PermissionsBoundary", "ContextKeyValues": [arn]}
        context.append({**key, "ContextKeyType": "string"})
    # Patterns stand for names; IAM simulates names.
    arns = [arn.replace("*", "any") for arn in permission.arns(question.account, question.settings.environment)]
    actions = [action for action in permission.full_actions if not action.endswith("*")]
    arns = ["*"] if permission.resources == ("*",) else arns
    if not actions:
        return set()
    denied: list[set[str]] = []
    for arn in arns:
        asked = {"PolicySourceArn": who, "ActionNames": actions, "ResourceArns": [arn], "ContextEntries": context}
        answers = pages(iam, "simulate_principal_policy", "EvaluationResults", **asked)
        denied.append({one["EvalActionName"] for one in answers if one["EvalDecision"] != "allowed"})
    # An action has its own kind of resource among these; allowed for one of them is allowed.
    return set.intersection(*denied)


def permissions(question: Question) -> Precondition:
    """The caller must be allowed everything that the plan's types need; all that is missing is named."""
    changing = [change.type for change in question.result.changes if change.kind is not ChangeKind.SAME]
    who, iam = principal(question.clients, question.caller), question.clients("iam")
    if who.endswith(":root"):
        return Precondition(name="permissions", holds=None, detail="IAM can't simulate the root user; use a role")
    missing = sorted(
        {
            action
            for permission in PERMISSIONS
            if permission.is_for(changing)
            for action in _denied(iam, who, permission, question)
        }
    )
    return Precondition(
        name="permissions",
        holds=not missing,
        detail=f"{len(missing)} missing: {', '.join(missing)}" if missing else f"{who} has what the plan needs",
        fix="`prod-infra bootstrap --target aws` makes a role that has them; or add them to yours",
    )
