"""IAM roles, inline policies and attachments."""

from __future__ import annotations

import json

import pytest

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
MANAGED = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"


def trust(service: str) -> str:
    """Return a trust policy for a service."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(action: str) -> str:
    """Return a policy that allows one action."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})


@pytest.fixture
def role(clients: Clients) -> Resource:
    """A role of ECS tasks."""
    return made(clients, ROLE, {"name": "prod-task", "assumeRolePolicy": trust("ecs-tasks.amazonaws.com")})


def test_role(clients: Clients) -> None:
    """A role lives; trust, description, session length and tags change in place."""
    inputs = {"name": "prod-task", "assumeRolePolicy": trust("ecs-tasks.amazonaws.com"), "tags": {"Name": "task"}}
    changed = {
        **inputs,
        "assumeRolePolicy": trust("codedeploy.amazonaws.com"),
        "description": "what tasks may do",
        "maxSessionDuration": 7200,
        "tags": {"Owner": "platform"},
    }
    state = run_lifecycle(clients, ROLE, inputs, changed)
    assert state["arn"] == "arn:aws:iam::123456789012:role/prod-task"
    assert state["createDate"].endswith("Z")


def test_role_boundary(clients: Clients) -> None:
    """A permissions boundary is set and taken off in place."""
    boundary = clients("iam").create_policy(PolicyName="bounds", PolicyDocument=allow("s3:GetObject"))["Policy"]["Arn"]
    inputs = {"name": "prod-task", "assumeRolePolicy": trust("ecs-tasks.amazonaws.com")}
    run_lifecycle(clients, ROLE, inputs, {**inputs, "permissionsBoundary": boundary}, inputs)


def test_role_with_policies_needs_force(clients: Clients, role: Resource) -> None:
    """AWS refuses to delete a role with policies, unless `forceDetachPolicies` takes them off."""
    made(clients, ATTACHMENT, {"role": role.id, "policyArn": MANAGED})
    made(clients, POLICY, {"role": role.id, "name": "read", "policy": allow("s3:GetObject")})
    with pytest.raises(ProdInfraError, match="DeleteConflict"):
        role.delete()
    inputs = {"name": "prod-task", "assumeRolePolicy": trust("ecs-tasks.amazonaws.com"), "forceDetachPolicies": True}
    role.check(inputs)
    role.update()
    role.delete()
    assert role.read() is None


def test_role_policy(clients: Clients, role: Resource) -> None:
    """An inline policy lives and changes in place."""
    inputs = {"role": role.id, "name": "read", "policy": allow("s3:GetObject")}
    state = run_lifecycle(clients, POLICY, inputs, {**inputs, "policy": allow("s3:ListBucket")})
    assert state["id"] == "prod-task:read"


def test_attachment(clients: Clients, role: Resource) -> None:
    """A managed policy is attached and detached."""
    state = run_lifecycle(clients, ATTACHMENT, {"role": role.id, "policyArn": MANAGED})
    assert state["id"] == f"prod-task/{MANAGED}"
    assert clients("iam").list_attached_role_policies(RoleName="prod-task")["AttachedPolicies"] == []
