"""Who may do what: policies of identities and of resources, and the users that containers run as."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pulumi_policy import PolicyResource

from policies.checks import satisfies
from policies.documents import Statement, allows, anyone, document, listed
from policies.graph import Stack, known, undecided
from policies.rule import (
    CHECKOV,
    SECURITY_HUB,
    UNKNOWN,
    WELL_ARCHITECTED,
    Absent,
    Example,
    Node,
    ResourceRule,
    Severity,
    StackRule,
)
from policies.rules.containers import Container, every_container, task
from policies.tokens import IAM_ROLE, IDENTITY_POLICY, POLICY_ATTACHMENT, RESOURCE_POLICY, TASK_DEFINITION

DEFERRED = "the policy names what AWS has yet to number; `up` decides before it attaches it"
_ROOT = ("", "0", "root")
ADMINISTRATOR = ("/AdministratorAccess", "/PowerUserAccess", "FullAccess")


def _everything(statement: Statement) -> bool:
    actions = [str(action) for action in listed(statement.get("Action"))]
    return "NotAction" in statement or any(not action.strip("*?:") for action in actions)


RESOURCE_POLICY_NOT_PUBLIC = ResourceRule(
    id="resource-policy-not-public",
    title="A resource's policy admits nobody in particular and everybody in general",
    why="Anyone with an AWS account, or none, could use it.",
    severity=Severity.CRITICAL,
    on=RESOURCE_POLICY,
    keys=("policy",),
    absent=Absent(means="AWS admits nobody of another account", passes=True),
    deferred=DEFERRED,
    fix="Name the principal, or say by a Condition on an account, an ARN or an organization whom it is for.",
    controls={CHECKOV: ("CKV_AWS_70", "CKV_AWS_33"), WELL_ARCHITECTED: ("SEC03-BP07",)},
    check=allows(anyone, "allows anyone; it must name a principal, or by a condition say whose"),
    passes=(
        document(Principal={"Service": "cloudfront.amazonaws.com"}),
        document(Principal={"AWS": ["arn:aws:iam::123456789012:root"]}),
        document(Principal="*", Condition={"StringEquals": {"aws:SourceAccount": "123456789012"}}),
        document(Effect="Deny", Principal="*"),
        document(Principal="*", Condition={"ArnLike": {"aws:SourceArn": "arn:aws:s3:::one-*"}}),
    ),
    fails=(
        document(Principal="*"),
        document(NotPrincipal={"AWS": "arn:aws:iam::123456789012:root"}),
        document(Principal="*", Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}),
        document(Principal="*", Condition={"StringLike": {"aws:Referer": "https://example.com/*"}}),
        document(Principal="*", Condition={"StringNotEquals": {"aws:PrincipalAccount": "123456789012"}}),
        document(Principal="*", Condition={"ArnLike": {"aws:SourceArn": "arn:aws:cloudfront::*:distribution/*"}}),
        document(Principal={"AWS": "*"}),
        document(Principal={"AWS": ["arn:aws:iam::123456789012:root", "*"]}),
    ),
)

IDENTITY_NOT_EVERYTHING = ResourceRule(
    id="iam-no-full-access",
    title="No identity may do everything",
    why="Whoever takes over one task would own the account.",
    severity=Severity.HIGH,
    on=IDENTITY_POLICY,
    keys=("policy",),
    absent=Absent(means="AWS refuses a policy without a document, and says so late", passes=True),
    deferred=DEFERRED,
    fix="Name the actions, as prod_infra.compute.iam does.",
    controls={CHECKOV: ("CKV_AWS_62", "CKV_AWS_63"), WELL_ARCHITECTED: ("SEC03-BP02",)},
    check=allows(_everything, "allows every action; it must name them"),
    passes=(document(), document(Effect="Deny", Action="*")),
    fails=(
        document(Action="*"),
        document(Action=["s3:GetObject", "*:*"]),
        {"policy": json.dumps({"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}})},
    ),
)

NO_ADMINISTRATOR = ResourceRule(
    id="iam-no-administrator",
    title="No identity is given one of AWS's policies for administrators",
    why="Whoever takes over one task would own the account.",
    severity=Severity.HIGH,
    on=POLICY_ATTACHMENT,
    keys=("policyArn",),
    absent=Absent(means="AWS refuses an attachment without one, and says so late"),
    deferred="AWS has yet to give the policy's ARN; a policy of AWS's own has one that is known at once",
    fix="Attach only what the role needs, as prod_infra.compute.iam does.",
    controls={WELL_ARCHITECTED: ("SEC03-BP02",)},
    check=satisfies("policyArn", lambda arn: not str(arn).endswith(ADMINISTRATOR), "be no administrator's policy"),
    passes=({"policyArn": "arn:aws:iam::aws:policy/AWSCodeDeployRoleForECSLimited"},),
    fails=(
        {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        {"policyArn": "arn:aws:iam::aws:policy/PowerUserAccess"},
        {"policyArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"},
    ),
)


def _root_user(container: Container) -> Iterator[str]:
    user = str(container.get("user", "")).partition(":")[0]
    if user in _ROOT:
        yield "user is root, or absent; it must be another"


TASK_NOT_ROOT = ResourceRule(
    id="task-non-root",
    title="A container doesn't run as root",
    why="A hole in the application would be a hole with root's rights.",
    severity=Severity.HIGH,
    on=TASK_DEFINITION,
    keys=("containerDefinitions",),
    absent=Absent(means="AWS refuses a task definition without containers, and says so late"),
    deferred="the containers hold names that AWS has yet to give; `up` decides before it makes the task definition",
    fix="Keep the container's user, as prod_infra.compute.container sets it.",
    controls={SECURITY_HUB: ("ECS.20",), WELL_ARCHITECTED: ("SEC06-BP02",)},
    check=every_container(_root_user),
    passes=(task(user="10001"), task(user="10001:10001")),
    fails=(task(), task(user="root"), task(user="0:0"), task(user="0")),
)


def _same_role(definition: PolicyResource, stack: Stack) -> Iterator[str]:
    keys = ("executionRoleArn", "taskRoleArn")
    made = [{role.urn for role in stack.used(definition, key, IAM_ROLE)} for key in keys]
    named = [known(definition, key) for key in keys]
    for key, roles, name in zip(keys, made, named, strict=True):
        if name is None and not roles and definition.property_dependencies.get(key):
            undecided(definition, key)
    if made[0] & made[1] or (named[0] is not None and named[0] == named[1]):
        yield "executionRoleArn and taskRoleArn are one role; each needs rights that the other must not have"


def _roles(execution: Sequence[str], own: Sequence[str], **props: str) -> Example:
    uses = {"executionRoleArn": execution, "taskRoleArn": own}
    return (Node(IAM_ROLE[0], "a"), Node(IAM_ROLE[0], "b"), Node(TASK_DEFINITION[0], "task", props, uses))


TASK_SPLIT_ROLES = StackRule(
    id="task-split-roles",
    title="A task's own role is not the one that starts it",
    why="The application could pull any image and read every secret that ECS may inject.",
    severity=Severity.MEDIUM,
    on=TASK_DEFINITION,
    keys=("executionRoleArn", "taskRoleArn"),
    absent=Absent(means="the task has no role", passes=True),
    fix="Keep both roles of prod_infra.compute.iam.",
    controls={CHECKOV: ("CKV_AWS_249",), WELL_ARCHITECTED: ("SEC03-BP02",)},
    check=_same_role,
    passes=(_roles(["a"], ["b"]), _roles([], [], executionRoleArn="arn:a", taskRoleArn="arn:b")),
    fails=(_roles(["a"], ["a"]), _roles([], [], executionRoleArn="arn:a", taskRoleArn="arn:a")),
    lacks=(Node(TASK_DEFINITION[0], "task"),),
    unknown=(
        Node("aws:ssm/parameter:Parameter", "elsewhere"),
        Node(TASK_DEFINITION[0], "task", {"taskRoleArn": UNKNOWN}, {"taskRoleArn": ["elsewhere"]}),
    ),
)

RULES = (
    RESOURCE_POLICY_NOT_PUBLIC,
    IDENTITY_NOT_EVERYTHING,
    NO_ADMINISTRATOR,
    TASK_NOT_ROOT,
    TASK_SPLIT_ROLES,
)
