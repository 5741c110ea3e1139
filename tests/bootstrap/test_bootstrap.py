"""Bootstrap: state bucket, key, identity provider and deploy role; looked at from outside by boto3."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prod_infra.bootstrap import boundary
from prod_infra.bootstrap.check_role import CheckRole
from prod_infra.bootstrap.deploy_role import DeployRole
from prod_infra.bootstrap.identity_provider import ISSUER, provider_arn, trust
from prod_infra.bootstrap.piece import Act, Wanted
from prod_infra.bootstrap.run import carry_out, look
from prod_infra.deployment.account.permissions import PERMISSIONS
from prod_infra.deployment.program import evaluate
from prod_infra.deployment.project import packaged
from prod_infra.errors import InvalidInputError
from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws


def wanted_of(clients: Clients, **given: str) -> Wanted:
    """What a team asks for."""
    asked = {"environment": "prod", "repository": "acme/shop", "github_environment": "production", **given}
    return Wanted(clients=clients, account=ACCOUNT_ID, region="eu-central-1", **asked)


def run(wanted: Wanted) -> list[str]:
    """Bootstrap, and return what was done."""
    done: list[Act] = []
    carry_out(look(wanted), done.append)
    return [act.what for act in done]


@pytest.fixture
def wanted(shared_clients: Clients) -> Wanted:
    """A bootstrapped account; tests share it as long as they leave it so, which a run makes sure of."""
    asked = wanted_of(shared_clients)
    run(asked)
    return asked


def test_the_state_bucket_is_locked_down(wanted: Wanted) -> None:
    """Versioned, encrypted with the key, closed to the public, TLS only, old versions end; the key rotates."""
    s3, kms, name = wanted.clients("s3"), wanted.clients("kms"), wanted.bucket
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    rule = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"].endswith(wanted.key_alias)
    statement = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"][0]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rules[0]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 365
    assert "Expiration" not in rules[0]
    key = kms.describe_key(KeyId=wanted.key_alias)["KeyMetadata"]["KeyId"]
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]


def test_only_one_environment_of_one_repository_may_take_the_role(wanted: Wanted) -> None:
    """The trust names GitHub's provider, the audience and the exact subject, without a wildcard."""
    iam = wanted.clients("iam")
    document = iam.get_role(RoleName=wanted.role)["Role"]["AssumeRolePolicyDocument"]
    condition = document["Statement"][0]["Condition"]
    assert condition == {
        "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": "repo:acme/shop:environment:production"}
    }
    assert document["Statement"][0]["Principal"] == {"Federated": provider_arn(wanted)}
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider_arn(wanted))["ClientIDList"]


@pytest.mark.parametrize("kind", ["deploy", "check"])
def test_the_roles_have_least_privilege(wanted: Wanted, kind: str) -> None:
    """Each statement says what for; no wildcard but at the end of reads; IAM's limits on size and number hold."""
    iam, wants = wanted.clients("iam"), (DeployRole if kind == "deploy" else CheckRole)(wanted).documents()
    attached = iam.list_attached_role_policies(RoleName=f"pulumi-{kind}-prod")["AttachedPolicies"]
    assert {one["PolicyName"] for one in attached} == set(wants)
    assert len(attached) <= 10
    sids = []
    for document in wants.values():
        assert len(json.dumps(document, separators=(",", ":"))) <= 6144
        for statement in document["Statement"]:
            sids.append(statement["Sid"])
            assert statement["Sid"].isalnum()
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                service, verb = action.split(":")
                assert service != "*"
                assert "*" not in verb or verb.startswith(("Describe", "Get", "List")), action
            if statement["Resource"] in ("*", ["*"]):
                assert "aws:RequestedRegion" in statement["Condition"]["StringEquals"]
    assert len(sids) == len(set(sids))


def test_the_role_can_change_neither_itself_nor_its_policies(wanted: Wanted) -> None:
    """What it may write in IAM are roles of the environment, and its own name is not one of theirs."""
    for permission in PERMISSIONS:
        if permission.service == "iam":
            for arn in permission.arns(wanted.account, wanted.environment):
                assert not f"arn:aws:iam::{wanted.account}:role/{wanted.role}".startswith(arn.removesuffix("*"))
                assert ":policy/" not in arn


def test_checks_only_read(wanted: Wanted) -> None:
    """Nothing that the role of checks may do changes anything; its jobs are another environment's."""
    actions = {action for document in CheckRole(wanted).documents().values() for action in _actions(document)}
    reads = ("Describe", "Get", "List", "Lookup", "Decrypt")
    assert [action for action in actions if not action.split(":")[1].startswith(reads)] == []
    assert "rds:DescribeDBClusters" in actions
    role = wanted.clients("iam").get_role(RoleName="pulumi-check-prod")["Role"]
    said = role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"][f"{ISSUER}:sub"]
    assert said == "repo:acme/shop:environment:production-checks"


def test_the_deploy_role_makes_no_role_that_is_mightier_than_the_boundary(wanted: Wanted) -> None:
    """Roles are made and filled only with the boundary on them, which it can neither take off nor change."""
    bound = f"arn:aws:iam::{ACCOUNT_ID}:policy/pulumi-boundary-prod"
    found = wanted.clients("iam").get_policy(PolicyArn=bound)["Policy"]
    assert found["PolicyName"] == "pulumi-boundary-prod"
    every = [statement for document in DeployRole(wanted).documents().values() for statement in document["Statement"]]
    for statement in every:
        if set(_actions({"Statement": [statement]})) & GIVING:
            assert statement["Condition"]["StringEquals"]["iam:PermissionsBoundary"] == bound
    actions = {action for document in DeployRole(wanted).documents().values() for action in _actions(document)}
    assert actions >= GIVING
    assert not actions & TAKING


def test_the_boundary_is_wide_enough_for_codedeploy_and_gives_nothing_in_iam(wanted: Wanted) -> None:
    """What AWS's own policy for CodeDeploy allows is within; of IAM nothing is, but PassRole."""
    within = set(_actions(boundary.document(wanted)))
    iam, arn = wanted.clients("iam"), "arn:aws:iam::aws:policy/AWSCodeDeployRoleForECSLimited"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    limited = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    # Revisions in S3 are not used: the AppSpec is in the call.
    assert set(_actions(limited)) - within <= {"s3:GetObjectVersion"}
    assert {action for action in within if action.startswith("iam:")} == {"iam:PassRole"}


GIVING = {
    "iam:CreateRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:PutRolePolicy",
    "iam:AttachRolePolicy",
    "iam:PutRolePermissionsBoundary",
}
TAKING = {"iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:DeleteRolePermissionsBoundary"}


def _actions(document: dict[str, Any]) -> list[str]:
    """Return every action that a policy names."""
    found = [statement["Action"] for statement in document["Statement"]]
    return [action for actions in found for action in ([actions] if isinstance(actions, str) else actions)]


def test_every_type_of_the_environment_has_its_permissions() -> None:
    """A type that the program registers and the role knows nothing of would stop a first deploy part way."""
    types = {one.type for one in evaluate.register(packaged()) if one.type.startswith("aws:")}
    lacking = [token for token in types if not any(one.types and one.is_for([token]) for one in PERMISSIONS)]
    assert not lacking


def test_a_second_run_has_nothing_to_do(wanted: Wanted) -> None:
    """Idempotent."""
    assert look(wanted) == []


def test_looking_changes_nothing(clients: Clients) -> None:
    """A dry run on an empty account leaves it empty."""
    assert look(wanted_of(clients))
    assert clients("s3").list_buckets()["Buckets"] == []
    assert clients("iam").list_roles()["Roles"] == []
    assert clients("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def _open_bucket(wanted: Wanted) -> object:
    return wanted.clients("s3").delete_public_access_block(Bucket=wanted.bucket)


def _drop_policy(wanted: Wanted) -> object:
    return wanted.clients("s3").delete_bucket_policy(Bucket=wanted.bucket)


def _suspend_versions(wanted: Wanted) -> object:
    suspended = {"Status": "Suspended"}
    return wanted.clients("s3").put_bucket_versioning(Bucket=wanted.bucket, VersioningConfiguration=suspended)


def _stop_rotation(wanted: Wanted) -> object:
    kms = wanted.clients("kms")
    return kms.disable_key_rotation(KeyId=kms.describe_key(KeyId=wanted.key_alias)["KeyMetadata"]["KeyId"])


def _trust_everybody(wanted: Wanted) -> object:
    document: Any = trust(wanted, wanted.github_environment)
    document["Statement"][0]["Condition"] = {"StringLike": {f"{ISSUER}:sub": "repo:acme/*"}}
    return wanted.clients("iam").update_assume_role_policy(
        RoleName=wanted.role, PolicyDocument=json.dumps(document)
    )  # fmt: skip


def _make_administrator(wanted: Wanted) -> object:
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    return wanted.clients("iam").attach_role_policy(RoleName=wanted.role, PolicyArn=arn)


def _add_inline(wanted: Wanted) -> object:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return wanted.clients("iam").put_role_policy(RoleName=wanted.role, PolicyName="more", PolicyDocument=document)


def _widen(wanted: Wanted) -> object:
    iam = wanted.clients("iam")
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = f"arn:aws:iam::{ACCOUNT_ID}:policy/{wanted.role}-data"
    for _ in range(4):
        # IAM keeps five versions; the bootstrap must make room.
        made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    return made


def _detach(wanted: Wanted) -> object:
    arn = f"arn:aws:iam::{ACCOUNT_ID}:policy/{wanted.role}-network"
    return wanted.clients("iam").detach_role_policy(RoleName=wanted.role, PolicyArn=arn)


def _drop_audience(wanted: Wanted) -> object:
    return wanted.clients("iam").remove_client_id_from_open_id_connect_provider(
        OpenIDConnectProviderArn=provider_arn(wanted), ClientID="sts.amazonaws.com"
    )


DRIFTS = [
    _open_bucket, _drop_policy, _suspend_versions, _stop_rotation, _trust_everybody, _make_administrator, _add_inline,
    _widen, _detach, _drop_audience,
]  # fmt: skip


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: drift.__name__.strip("_"))
def test_what_drifted_is_said_and_put_right(wanted: Wanted, drift: Callable[[Wanted], object]) -> None:
    """One thing was changed by hand: exactly that is told as drift and put right, and then nothing is left."""
    drift(wanted)
    acts = look(wanted)
    assert len(acts) == 1
    assert acts[0].drift
    carry_out(acts, lambda _: None)
    assert look(wanted) == []


@pytest.mark.parametrize(
    "given",
    [
        {"repository": "acme/*"},
        {"repository": "acme"},
        {"github_environment": "*"},
        {"checks_environment": "*"},
        {"checks_environment": "production"},
        {"environment": "Prod!"},
        {"environment": "prod-eu"},
        {"environment": "pulumi"},
    ],
)
def test_a_trust_that_would_let_others_in_is_refused(clients: Clients, given: dict[str, str]) -> None:
    """Wildcards and incomplete names are refused before anything is asked."""
    with pytest.raises(InvalidInputError):
        look(wanted_of(clients, **given))


def test_the_command_bootstraps_the_local_aws(local_aws: LocalAws, clients: Clients, tmp_path: Path) -> None:
    """A dry run says what it would do, the run does it, and another finds nothing to do."""
    command = [str(Path(sys.executable).with_name("prod-infra")), "bootstrap", "--repository", "acme/shop"]

    def call(*more: str) -> str:
        done = subprocess.run(
            [*command, "--endpoint", local_aws.endpoint, *more],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "nothing was changed" in call("--dry-run")
    assert clients("s3").list_buckets()["Buckets"] == []
    assert "make the role pulumi-deploy-prod for acme/shop" in call()
    assert clients("iam").get_role(RoleName="pulumi-deploy-prod")
    assert "nothing to do" in call()
