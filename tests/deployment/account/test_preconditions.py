"""Preconditions: what would stop a deploy part way is read before it, all at once, and nothing is changed."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from prod_infra.deployment.account.permission_check import permissions, principal
from prod_infra.deployment.account.permissions import PERMISSIONS
from prod_infra.deployment.account.precondition import Precondition, Question
from prod_infra.deployment.account.preconditions import hosted_zone, image, read, require, secret, zones
from prod_infra.deployment.account.quotas import QUOTAS, quota_check
from prod_infra.deployment.clients import AwsClients
from prod_infra.deployment.engine import Change, ChangeKind, Result
from prod_infra.errors import InvalidInputError
from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.clients import Clients
from prod_infra.settings import SAMPLE_APP_IMAGE, Settings

ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/deployer"
SECRET = "prod/docdb/master_password"
IMAGE = f"registry.test/app@sha256:{'a' * 64}"
QUOTA_OF = {quota.kind.rsplit(":", 1)[1]: quota for quota in QUOTAS}


def plan(*types: str, kind: ChangeKind = ChangeKind.CREATE) -> Result:
    """A preview that does the same to one resource of each type."""
    urns = (f"urn:pulumi:prod::prod-infra::{token}::r{number}" for number, token in enumerate(types))
    return Result(operation="preview", changes=tuple(Change(urn=urn, kind=kind) for urn in urns))


def ask(clients: AwsClients, result: Result | None = None, caller: str = ROLE, **settings: Any) -> Question:
    """What checks are given."""
    return Question(
        clients=clients,
        account=ACCOUNT_ID,
        caller=caller,
        region="eu-central-1",
        settings=Settings(**{"app_image": IMAGE, **settings}),
        result=result or plan(),
    )


def test_the_zone_must_be_there_and_public(clients: Clients) -> None:
    """A public zone will do; none, one of a longer name, or a private one will not."""
    assert hosted_zone(ask(clients)).holds
    assert hosted_zone(ask(clients, domain_name="example.org")).detail == "no zone example.org"
    route53, ec2 = clients("route53"), clients("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    where = {"VPCRegion": "eu-central-1", "VPCId": vpc}
    route53.create_hosted_zone(
        Name="inside.test", CallerReference="1", VPC=where, HostedZoneConfig={"PrivateZone": True}
    )
    assert hosted_zone(ask(clients, domain_name="inside.test")).detail == "inside.test is a private zone"


def test_two_public_zones_of_one_name_are_refused(clients: Clients) -> None:
    """The program could write into the one that nobody asks."""
    clients("route53").create_hosted_zone(Name="example.com", CallerReference="second")
    assert hosted_zone(ask(clients)).holds is False


def test_the_zones_of_the_settings_must_exist(clients: Clients) -> None:
    """More zones than the region has, and a name that it has not."""
    assert zones(ask(clients)).holds
    assert zones(ask(clients, availability_zone_count=6)).holds is False
    names = ("eu-central-1a", "eu-central-1f")
    lacking = zones(ask(clients, availability_zones=names))
    assert "eu-central-1f not available" in lacking.detail


def test_the_secrets_name_must_be_free_or_our_own(clients: Clients) -> None:
    """Free; somebody else's; the stack's own; and still being deleted."""
    create = plan("aws:secretsmanager/secret:Secret")
    assert secret(ask(clients, create)).holds
    clients("secretsmanager").create_secret(Name=SECRET, SecretString="{}")
    assert secret(ask(clients, create)).holds is False
    assert secret(ask(clients, plan("aws:secretsmanager/secret:Secret", kind=ChangeKind.UPDATE))).holds
    clients("secretsmanager").delete_secret(SecretId=SECRET, RecoveryWindowInDays=30)
    found = secret(ask(clients, create))
    assert found.holds is False
    assert "restore-secret" in found.fix


def test_an_image_must_be_given(clients: Clients) -> None:
    """The settings' default stands for "no image yet": a service would wait for its tasks in vain."""
    assert image(ask(clients)).holds
    found = image(ask(clients, app_image=SAMPLE_APP_IMAGE))
    assert found.holds is False
    assert "app_image" in found.detail


def test_a_quota_counts_what_is_there_and_what_is_new(clients: Clients) -> None:
    """VPCs up to AWS's default of five are taken, the one after is not, and the fix says what to ask for."""
    check, ec2 = quota_check(QUOTA_OF["Vpc"]), clients("ec2")
    room = 5 - len(ec2.describe_vpcs()["Vpcs"])
    for number in range(room - 1):
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")
    assert check(ask(clients, plan("aws:ec2/vpc:Vpc"))).holds
    full = check(ask(clients, plan("aws:ec2/vpc:Vpc", "aws:ec2/vpc:Vpc")))
    assert full.holds is False
    assert full.detail == "4 used and 2 new of 5 in eu-central-1"
    assert "--desired-value 6" in full.fix


def test_nat_gateways_are_counted_by_zone(clients: Clients) -> None:
    """The fullest zone counts, and the new ones are spread."""
    ec2 = clients("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    for number, zone in enumerate("aab"):
        where = ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.1.{number}.0/24", AvailabilityZone=f"eu-central-1{zone}"
        )  # fmt: skip
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        ec2.create_nat_gateway(SubnetId=where["Subnet"]["SubnetId"], AllocationId=address)
    token = "aws:ec2/natGateway:NatGateway"
    found = quota_check(QUOTA_OF["NatGateway"])(ask(clients, plan(token, token)))
    assert found.detail == "2 used and 1 new of 5 in eu-central-1"


def test_what_aws_does_not_answer_keeps_no_other_check_from_being_made(clients: Clients) -> None:
    """The local AWS knows few quotas and simulates no permissions: these can't be told, the others are."""
    found = {one.name: one for one in read(ask(clients))}
    assert found["hosted zone"].holds
    assert found["quota: VPCs"].holds
    assert found["permissions"].holds is None
    assert found["quota: Elastic IP addresses"].detail.startswith("can't be checked")
    require(tuple(found.values()))


def test_every_fault_is_told_at_once(clients: Clients) -> None:
    """Two things that do not hold are both in the one error, each with its way out."""
    with pytest.raises(InvalidInputError) as caught:
        require(read(ask(clients, domain_name="example.org", availability_zone_count=6)))
    assert len(caught.value.faults) == 2
    assert "delegate the domain" in str(caught.value)


def simulator(decide: dict[str, str], result: Result) -> tuple[AwsClients, Stubber]:
    """IAM that answers as its simulator does: allowed, unless `decide` says otherwise of an action."""
    iam = boto3.client("iam", aws_access_key_id="made-up", aws_secret_access_key="made-up")
    stub = Stubber(iam)
    for permission in PERMISSIONS:
        actions = [one for one in permission.full_actions if not one.endswith("*")]
        if not permission.is_for([one.type for one in result.changes]) or not actions:
            continue
        for _ in permission.resources:
            answers = [{"EvalActionName": one, "EvalDecision": decide.get(one, "allowed")} for one in actions]
            stub.add_response("simulate_principal_policy", {"EvaluationResults": answers, "IsTruncated": False})
    stub.activate()
    return lambda *_: iam, stub


def test_all_missing_permissions_are_named_at_once() -> None:
    """Of the types in the plan, and of no others."""
    result = plan("aws:docdb/cluster:Cluster", "aws:ec2/vpc:Vpc")
    denied = {"rds:CreateDBCluster": "implicitDeny", "ec2:CreateVpc": "explicitDeny", "sns:CreateTopic": "implicitDeny"}
    clients, stub = simulator(denied, result)
    found = permissions(ask(clients, result))
    assert found.holds is False
    assert found.detail == "2 missing: ec2:CreateVpc, rds:CreateDBCluster"
    stub.assert_no_pending_responses()


def test_nothing_missing_holds() -> None:
    """A deployer that is allowed everything may deploy."""
    result = plan("aws:sns/topic:Topic")
    assert permissions(ask(simulator({}, result)[0], result)).holds


@pytest.mark.parametrize(("name", "said"), [(None, []), ("pulumi-boundary-prod", ["pulumi-boundary-prod"])])
def test_the_boundary_of_the_settings_is_asked_about(name: str | None, said: list[str]) -> None:
    """The deploy role makes roles with the boundary on them alone: without the setting, IAM denies it beforehand."""
    result = plan("aws:iam/role:Role")
    clients, _ = simulator({}, result)
    asked: list[dict[str, Any]] = []
    events = clients("iam").meta.events
    events.register("provide-client-params.iam.SimulatePrincipalPolicy", lambda params, **_: asked.append(params))
    assert permissions(ask(clients, result, permissions_boundary=name)).holds
    keys = [{one["ContextKeyName"]: one["ContextKeyValues"] for one in each["ContextEntries"]} for each in asked]
    found = {arn.rpartition("/")[2] for each in keys for arn in each.get("iam:PermissionsBoundary", ())}
    assert sorted(found) == said


def test_the_root_user_cannot_be_simulated(clients: Clients) -> None:
    """IAM has no policies for it; nothing is claimed."""
    found: Precondition = permissions(ask(clients, caller=f"arn:aws:iam::{ACCOUNT_ID}:root"))
    assert found.holds is None


def test_a_session_is_asked_about_by_its_role(clients: Clients) -> None:
    """A role's path is not in its session's ARN, and IAM wants it."""
    statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT_ID}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = clients("iam").create_role(RoleName="sso-admin", Path="/aws-reserved/", AssumeRolePolicyDocument=trust)
    session = f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/sso-admin/someone@example.com"
    assert principal(clients, session) == role["Role"]["Arn"]
    assert principal(clients, ROLE) == ROLE
