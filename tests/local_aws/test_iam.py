"""IAM on the local AWS: AWS's own managed policies exist."""

from __future__ import annotations

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.environment import role

POLICY = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"


def test_aws_managed_policies_attach_and_a_reset_forgets_it(clients: Clients, local_aws: LocalAws) -> None:
    """A role attaches one by its fixed ARN, and its count starts anew after a reset."""
    iam = clients("iam")
    role(clients, "app", "ecs-tasks.amazonaws.com")
    iam.attach_role_policy(RoleName="app", PolicyArn=POLICY)
    assert iam.get_policy(PolicyArn=POLICY)["Policy"]["AttachmentCount"] == 1
    local_aws.reset()
    assert iam.get_policy(PolicyArn=POLICY)["Policy"]["AttachmentCount"] == 0
