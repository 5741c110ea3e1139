"""How far rights reach: for whom a role is taken, on what a policy works, and what nobody may give himself."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from policies.checks import empty, one_of
from policies.documents import Statement, allows, document, everywhere, listed, may, narrowed
from policies.rule import (
    CHECKOV,
    FSBP,
    WELL_ARCHITECTED,
    Absent,
    ResourceRule,
    Severity,
)
from policies.rules.identity import DEFERRED
from policies.tokens import (
    ACCESS_KEY,
    IAM_ROLE,
    IDENTITY_POLICY,
)

_LEAST: Final[Mapping[str, tuple[str, ...]]] = {WELL_ARCHITECTED: ("SEC03-BP02",)}
_NO_POLICY: Final = Absent(means="AWS refuses a policy without a document, and says so late", passes=True)

UNNAMEABLE: Final = (
    "cloudwatch:putmetricdata",
    "ec2:describe*",
    "ecr:getauthorizationtoken",
    "logs:describeloggroups",
    "xray:put*",
)
"""Calls that know no narrower resource (IAM's service authorization reference)."""

ESCALATIONS: Final = (
    "iam:AddUserToGroup",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreatePolicyVersion",
    "iam:CreateUser",
    "iam:DeleteRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:UpdateAssumeRolePolicy",
    "kms:CreateGrant",
    "kms:DisableKey",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "s3:BypassGovernanceRetention",
    "s3:DeleteBucket",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "secretsmanager:DeleteSecret",
    "secretsmanager:PutResourcePolicy",
)
"""Calls by which an identity gets rights that it hasn't, gives them to others, or destroys for good."""


def _for_nobody_in_particular(statement: Statement) -> bool:
    keys = [key for asked in (statement.get("Condition") or {}).values() for key in asked]
    # A token of an identity provider says in its subject who it is for.
    return not narrowed(statement) and not any(key.lower().endswith(":sub") for key in keys)


def trust(**statement: Any) -> Mapping[str, Any]:
    """Return an example: a role that ECS may take, without a condition."""
    service = {"Service": "ecs-tasks.amazonaws.com"}
    parts = {"Action": "sts:AssumeRole", "Resource": None, "Principal": service, **statement}
    return document(key="assumeRolePolicy", **parts)


TRUST_FOR_WHOM = ResourceRule(
    id="iam-trust-for-whom",
    title="A role says on whose behalf it is taken",
    why="A service acts for every customer of AWS, and a partner's account for every customer of his.",
    severity=Severity.MEDIUM,
    on=IAM_ROLE,
    keys=("assumeRolePolicy",),
    absent=Absent(means="AWS refuses a role without one, and says so late", passes=True),
    deferred=DEFERRED,
    fix="Write the policy with prod_infra.operations.account.trust_policy.",
    controls={WELL_ARCHITECTED: ("SEC03-BP07", "SEC03-BP09")},
    check=allows(
        _for_nobody_in_particular,
        "has no condition on an account, an ARN, an external ID or a subject",
        key="assumeRolePolicy",
    ),
    passes=(
        trust(Condition={"StringEquals": {"aws:SourceAccount": "123456789012"}}),
        trust(Principal={"AWS": "arn:aws:iam::1:root"}, Condition={"StringEquals": {"sts:ExternalId": "x-1"}}),
        trust(Condition={"StringLike": {"token.actions.githubusercontent.com:sub": "repo:one/app:*"}}),
    ),
    fails=(
        trust(),
        trust(Principal={"AWS": "arn:aws:iam::999999999999:root"}),
        trust(Condition={"Bool": {"aws:SecureTransport": "true"}}),
    ),
)


def _nowhere_in_particular(statement: Statement) -> bool:
    actions = [str(action).lower() for action in listed(statement.get("Action"))]
    nameable = [action for action in actions if not any(fnmatchcase(action, known) for known in UNNAMEABLE)]
    return everywhere(statement) and bool(nameable or "NotAction" in statement)


RESOURCES_NAMED = ResourceRule(
    id="iam-resources-named",
    title="An identity's policy names the resources that it is about",
    why="What is stolen from one task would open every bucket, key, queue and table of the account.",
    severity=Severity.HIGH,
    on=IDENTITY_POLICY,
    keys=("policy",),
    absent=_NO_POLICY,
    deferred=DEFERRED,
    fix="Name the resources by ARN, as prod_infra.compute.iam does.",
    controls={FSBP: ("KMS.1", "KMS.2"), CHECKOV: ("CKV_AWS_355", "CKV_AWS_356"), **_LEAST},
    check=allows(_nowhere_in_particular, "works on every resource of a kind; it must name them"),
    passes=(
        document(Action="ecr:GetAuthorizationToken"),
        document(Resource="arn:aws:s3:::one/*"),
        document(Action="logs:PutLogEvents", Resource="arn:aws:logs:eu-central-1:123456789012:log-group:/one:*"),
    ),
    fails=(
        document(),
        document(Action=["ecr:GetAuthorizationToken", "kms:Decrypt"]),
        document(Action="kms:Decrypt", Resource="arn:aws:kms:*:123456789012:key/*"),
        document(Resource="arn:aws:s3:::*"),
        document(Resource=None, NotResource="arn:aws:s3:::other/*"),
    ),
)

NO_ESCALATION = ResourceRule(
    id="iam-no-escalation",
    title="No identity may raise its own rights, open what others own, or destroy it for good",
    why="Whoever takes over one task would become whoever he likes, or hold the data to ransom.",
    severity=Severity.HIGH,
    on=IDENTITY_POLICY,
    keys=("policy",),
    absent=_NO_POLICY,
    deferred=DEFERRED,
    fix="Leave such calls to people and to the deploy role; see prod_infra.compute.iam for what a task needs.",
    controls={CHECKOV: ("CKV_AWS_286", "CKV_AWS_289"), **_LEAST},
    check=allows(
        lambda statement: any(may(statement, action) for action in ESCALATIONS),
        "allows to change rights or to destroy",
    ),
    passes=(document(), document(Effect="Deny", Action="iam:*"), document(Action="iam:PassRole", Resource="arn:one")),
    fails=(
        document(Action=["s3:GetObject", "iam:PutRolePolicy"], Resource="arn:aws:iam::123456789012:role/one"),
        document(Action="kms:*", Resource="arn:aws:kms:eu-central-1:123456789012:key/1"),
        document(Action="s3:Put*", Resource="arn:aws:s3:::one"),
        document(Action=None, NotAction="s3:*"),
    ),
)

ROLE_NO_INLINE = ResourceRule(
    id="iam-role-no-inline",
    title="A role's policies are resources of their own",
    why="Written into the role they escape the rules that judge policies.",
    severity=Severity.MEDIUM,
    on=IAM_ROLE,
    keys=("inlinePolicies",),
    absent=Absent(means="the role has none but those that are attached to it", passes=True),
    fix="Make an aws.iam.RolePolicy, as prod_infra.compute.iam does.",
    controls=_LEAST,
    check=empty("inlinePolicies"),
    passes=({"inlinePolicies": []},),
    fails=({"inlinePolicies": [{"name": "all", "policy": "{}"}]},),
)

NO_ACCESS_KEY = ResourceRule(
    id="iam-no-access-key",
    title="Nobody has a lasting access key",
    why="It never ends by itself, and is found in a repository one day.",
    severity=Severity.HIGH,
    on=ACCESS_KEY,
    keys=("status",),
    absent=Absent(means="AWS makes it active"),
    fix="Let people and pipelines take a role, as prod_infra.bootstrap makes one for GitHub.",
    controls={FSBP: ("IAM.3",), CHECKOV: ("CKV_AWS_273",), WELL_ARCHITECTED: ("SEC02-BP02",)},
    check=one_of("status", ("Inactive",)),
    passes=({"status": "Inactive"},),
    fails=({"status": "Active"},),
)

RULES = (TRUST_FOR_WHOM, RESOURCES_NAMED, NO_ESCALATION, ROLE_NO_INLINE, NO_ACCESS_KEY)
