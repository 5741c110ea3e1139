"""The roles' documents, evaluated as IAM does: what a deploy calls is allowed, on the resources that it calls it on.

`authorization.json` says what is called, and the kinds of resource that IAM is then asked about; none where an action
knows none: https://docs.aws.amazon.com/service-authorization/latest/reference/. The calls are the deploy role's own and
what Terraform's AWS provider 5.100, of which Pulumi's is made, was seen to call while it created, read, updated and
deleted such an environment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from prod_infra.bootstrap.check_role import CheckRole
from prod_infra.bootstrap.deploy_role import DeployRole
from prod_infra.bootstrap.piece import Wanted
from prod_infra.deployment.account.permission import READS
from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.clients import Clients

AUTHORIZATION = json.loads((Path(__file__).parent / "authorization.json").read_text())
RESOURCES: Mapping[str, str] = AUTHORIZATION["resources"]
GLOBAL = ("cloudfront", "iam", "pricing", "route53")
PASSED_TO = ("ecs-tasks.amazonaws.com", "codedeploy.amazonaws.com", "vpc-flow-logs.amazonaws.com")
CONTEXT: Mapping[str, str] = {
    "iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT_ID}:policy/pulumi-boundary-prod",
    "kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com",
}


@pytest.fixture(scope="module")
def wanted(shared_clients: Clients) -> Wanted:
    """What a team asks for; nothing of it is made."""
    return Wanted(
        clients=shared_clients,
        account=ACCOUNT_ID,
        region="eu-central-1",
        environment="prod",
        repository="acme/shop",
        github_environment="production",
    )


def several(value: Any) -> list[str]:
    """Return what a policy gives as one or as a list."""
    return [value] if isinstance(value, str) else list(value)


def holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """Whether every key of the conditions is in the context with one of its values; there are no other operators."""
    assert set(conditions) <= {"StringEquals", "ForAnyValue:StringEquals"}
    return all(context.get(key) in several(value) for keys in conditions.values() for key, value in keys.items())


def allowed(
    documents: Iterable[Mapping[str, Any]], action: str, resource: str, context: Mapping[str, str] = CONTEXT
) -> bool:
    """Whether a statement allows it and none denies it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """
    region = "us-east-1" if action.startswith(GLOBAL) else "eu-central-1"
    full = {"aws:RequestedRegion": region, **context}
    effects = {
        statement["Effect"]
        for document in documents
        for statement in document["Statement"]
        if any(fnmatchcase(action.lower(), one.lower()) for one in several(statement["Action"]))
        and any(fnmatchcase(resource, one) for one in several(statement["Resource"]))
        and holds(statement.get("Condition", {}), full)
    }
    return effects == {"Allow"}


def denied(documents: Iterable[Mapping[str, Any]], *, reading: bool = False) -> list[str]:
    """Return what of the calls is not allowed, each with its resource."""
    every = list(documents)
    return [
        f"{service}:{action} {resource}"
        for service, kinds, actions in (call.values() for call in AUTHORIZATION["calls"])
        for action in actions.split()
        if not reading or action.startswith(READS)
        # A call that knows no resource is asked about for none: a statement that names some does not allow it.
        for resource in [RESOURCES[f"{service}:{kind}"] for kind in kinds.split()] or ["-"]
        if not any(
            allowed(every, f"{service}:{action}", resource, {**CONTEXT, **extra})
            for extra in [{"iam:PassedToService": one} for one in PASSED_TO] + STATE
        )
    ]


STATE = [{"kms:ResourceAliases": "alias/pulumi-state-prod"}]
ASKED_BY_DEPLOYS_ALONE = {
    "iam:GetRole arn:aws:iam::123456789012:role/pulumi-deploy-prod",
    "pricing:GetProducts -",
    "servicequotas:GetAWSDefaultServiceQuota -",
    "servicequotas:GetServiceQuota -",
}


def test_the_deploy_role_may_all_that_a_deploy_calls(wanted: Wanted) -> None:
    """Every call of the provider and of runbooks, on every kind of resource that it is about."""
    assert denied(DeployRole(wanted).documents().values()) == []


def test_the_role_of_checks_may_all_that_a_refresh_reads(wanted: Wanted) -> None:
    """All but what is looked at before a deploy: the role's own permissions, quotas and prices."""
    assert set(denied(CheckRole(wanted).documents().values(), reading=True)) == ASKED_BY_DEPLOYS_ALONE


TAKEOVERS = [
    *((f"iam:{action}", "role/prod-admin", {}) for action in (
        "UpdateAssumeRolePolicy", "PutRolePolicy", "AttachRolePolicy", "DetachRolePolicy", "UpdateRole", "CreateRole"
    )),
    ("iam:UpdateAssumeRolePolicy", "role/pulumi-deploy-prod", CONTEXT),
    ("iam:PutRolePolicy", "role/pulumi-check-prod", CONTEXT),
    ("iam:CreatePolicyVersion", "policy/pulumi-boundary-prod", CONTEXT),
    ("iam:PassRole", "role/prod-task", {"iam:PassedToService": "ec2.amazonaws.com"}),
]  # fmt: skip
"""Ways to more rights: somebody's role of a fitting name, which carries no boundary; the role's own; the boundary."""


@pytest.mark.parametrize(("action", "resource", "context"), TAKEOVERS, ids=[f"{one[0]} {one[1]}" for one in TAKEOVERS])
def test_the_deploy_role_finds_no_way_to_more(
    wanted: Wanted, action: str, resource: str, context: Mapping[str, str]
) -> None:
    """Roles without the boundary are not changed, nor are its own, the boundary, or services that none runs on."""
    documents = DeployRole(wanted).documents().values()
    assert not allowed(documents, action, f"arn:aws:iam::{ACCOUNT_ID}:{resource}", context)


@pytest.mark.parametrize("action", ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"])
def test_the_key_of_states_is_not_the_deployers(wanted: Wanted, action: str) -> None:
    """Keys have no names: a deployer may delete one of the environment's, and not the one that states need."""
    documents = DeployRole(wanted).documents().values()
    assert allowed(documents, action, RESOURCES["kms:key"])
    assert not allowed(documents, action, RESOURCES["kms:key"], STATE[0])


def test_another_region_is_closed(wanted: Wanted) -> None:
    """What has no name is limited by the region."""
    documents = DeployRole(wanted).documents().values()
    assert allowed(documents, "ec2:CreateVpc", "-")
    assert not allowed(documents, "ec2:CreateVpc", "-", {"aws:RequestedRegion": "us-west-2"})
