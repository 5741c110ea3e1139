"""Who may act as whom, and what of AWS's may be used: trust, wildcards, keys, certificates, images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.checks import all_of, equals, one_of, satisfies
from policies.documents import Statement, allows, anyone, document, everywhere, listed, may, narrowed
from policies.graph import items
from policies.rule import (
    CHECKOV,
    FSBP,
    SECURITY_HUB,
    WELL_ARCHITECTED,
    Absent,
    ResourceRule,
    Severity,
)
from policies.rules.containers import Container, every_container, task
from policies.rules.data import PROD_PREFIX
from policies.rules.identity import ADMINISTRATOR, DEFERRED
from policies.rules.rights import trust
from policies.tokens import (
    CERTIFICATE,
    IAM_ROLE,
    IDENTITY_POLICY,
    RESOURCE_POLICY,
    TASK_DEFINITION,
)

_LEAST: Mapping[str, tuple[str, ...]] = {WELL_ARCHITECTED: ("SEC03-BP02",)}


TRUST_NAMED = ResourceRule(
    id="iam-trust-not-public",
    title="A role names who may take it",
    why="Anyone with an AWS account could act as the service.",
    severity=Severity.CRITICAL,
    on=IAM_ROLE,
    keys=("assumeRolePolicy",),
    absent=Absent(means="AWS refuses a role without one, and says so late", passes=True),
    deferred=DEFERRED,
    fix="Write the policy with prod_infra.operations.account.trust_policy.",
    controls={CHECKOV: ("CKV_AWS_60", "CKV_AWS_61"), WELL_ARCHITECTED: ("SEC03-BP07",)},
    check=allows(anyone, "lets anyone take the role; it must name a principal", key="assumeRolePolicy"),
    passes=(
        trust(Principal={"Service": "ecs-tasks.amazonaws.com"}),
        trust(Principal={"AWS": "arn:aws:iam::123456789012:root"}),
    ),
    fails=(
        trust(Principal="*"),
        trust(Principal={"AWS": "*"}),
        trust(NotPrincipal={"AWS": "arn:aws:iam::123456789012:root"}),
        trust(Principal={"AWS": "*"}, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
    ),
)


def _wildcard(statement: Statement) -> bool:
    if not everywhere(statement):
        return False
    actions = [str(action) for action in listed(statement.get("Action"))]
    whole = any(not action.partition(":")[2].strip("*?") for action in actions)
    return whole or may(statement, "iam:PassRole") or may(statement, "sts:AssumeRole")


NO_SERVICE_WILDCARD = ResourceRule(
    id="iam-no-service-wildcard",
    title="No identity may do all that a service can, or pass any role, everywhere",
    why="Whoever takes over one task would own every bucket, key or role of the account.",
    severity=Severity.HIGH,
    on=IDENTITY_POLICY,
    keys=("policy",),
    absent=Absent(means="AWS refuses a policy without a document, and says so late", passes=True),
    deferred=DEFERRED,
    fix="Name the actions and the resources, as prod_infra.compute.iam does.",
    controls={FSBP: ("IAM.21",), CHECKOV: ("CKV_AWS_355",), WELL_ARCHITECTED: ("SEC03-BP02",)},
    check=allows(_wildcard, "allows every action of a service, or passing any role, on every resource"),
    passes=(document(Action="ecr:GetAuthorizationToken"), document(Action="s3:*", Resource="arn:aws:s3:::one/*")),
    fails=(
        document(Action="s3:*"),
        document(Action="s3:**", Resource="arn:aws:s3:::*"),
        document(Action=["logs:PutLogEvents", "iam:PassRole"]),
        document(Action="iam:PassRole", Resource="arn:aws:iam::123456789012:role/*"),
        document(Action="kms:*", Resource=None, NotResource="arn:aws:kms:eu-central-1:123456789012:key/1"),
    ),
)


def _foreign_secret(statement: Statement) -> bool:
    reads = any(may(statement, f"secretsmanager:{call}") for call in ("GetSecretValue", "BatchGetSecretValue"))
    named = [str(arn) for arn in listed(statement.get("Resource"))]
    return reads and ("NotResource" in statement or any(f":secret:{PROD_PREFIX}" not in arn for arn in named))


def _reads(*arns: str) -> Mapping[str, Any]:
    return document(Action=["secretsmanager:GetSecretValue"], Resource=list(arns))


_SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"  # noqa: S105  an ARN

SECRETS_FROM_PROD = ResourceRule(
    id="iam-secrets-from-prod",
    title=f"An identity reads secrets of {PROD_PREFIX} alone",
    why="Another environment's secret in production is either a mistake or a leak.",
    severity=Severity.HIGH,
    on=IDENTITY_POLICY,
    keys=("policy",),
    absent=Absent(means="AWS refuses a policy without a document, and says so late", passes=True),
    deferred=DEFERRED,
    fix="Inject only secrets whose names start with prod/, as Settings.app_secrets takes them.",
    controls={WELL_ARCHITECTED: ("SEC02-BP03",)},
    check=allows(_foreign_secret, f"reads secrets that are not under {PROD_PREFIX}"),
    passes=(_reads(f"{_SECRET}prod/app-AbCdEf"), document()),
    fails=(
        _reads(f"{_SECRET}dev/app-??????"),
        _reads(f"{_SECRET}prod/app", "*"),
        document(Action="secretsmanager:BatchGet*"),
        document(Action="*"),
    ),
)

NO_ADMINISTRATOR_ROLE = ResourceRule(
    id="iam-role-no-administrator",
    title="No role is made with one of AWS's policies for administrators",
    why="Whoever takes over one task would own the account.",
    severity=Severity.HIGH,
    on=IAM_ROLE,
    keys=("managedPolicyArns",),
    absent=Absent(means="the role has none but those that are attached to it", passes=True),
    fix="Attach only what the role needs, as prod_infra.compute.iam does.",
    controls=_LEAST,
    check=satisfies(
        "managedPolicyArns",
        lambda arns: not any(str(arn).endswith(ADMINISTRATOR) for arn in items(arns)),
        "hold no policy of AWS's for administrators, or for all of a service",
        absent_ok=True,
    ),
    passes=({"managedPolicyArns": ["arn:aws:iam::aws:policy/AWSCodeDeployRoleForECSLimited"]},),
    fails=({"managedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]},),
)

# Services that act for every customer of AWS, and say for which by aws:SourceArn or aws:SourceAccount.
DEPUTIES = (
    "cloudfront.amazonaws.com",
    "cloudwatch.amazonaws.com",
    "delivery.logs.amazonaws.com",
    "logging.s3.amazonaws.com",
    "sns.amazonaws.com",
)


def _confused(statement: Statement) -> bool:
    principal = statement.get("Principal")
    services = listed(principal.get("Service")) if isinstance(principal, dict) else []
    return any(service in DEPUTIES for service in services) and not narrowed(statement)


DEPUTY_CONDITIONED = ResourceRule(
    id="resource-policy-deputy",
    title="A resource's policy says for whom one of AWS's services may act",
    why="The service acts for every customer of AWS: any distribution of any account could read the bucket.",
    severity=Severity.HIGH,
    on=RESOURCE_POLICY,
    keys=("policy",),
    absent=Absent(means="AWS admits nobody of another account", passes=True),
    deferred=DEFERRED,
    fix="Add a Condition on aws:SourceArn or aws:SourceAccount, as prod_infra.edge.bucket_policy does.",
    controls={WELL_ARCHITECTED: ("SEC03-BP07",)},
    check=allows(_confused, "lets a service act for anyone; a condition must say for which account"),
    passes=(
        document(
            Principal={"Service": "cloudfront.amazonaws.com"},
            Condition={"StringEquals": {"aws:SourceArn": "arn:aws:cloudfront::1:distribution/E1"}},
        ),
        document(Principal={"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}),
    ),
    fails=(
        document(Principal={"Service": "cloudfront.amazonaws.com"}),
        document(Principal={"Service": ["logging.s3.amazonaws.com"]}),
        document(
            Principal={"Service": "cloudfront.amazonaws.com"},
            Condition={"ArnLike": {"aws:SourceArn": "arn:aws:cloudfront::*:distribution/*"}},
        ),
    ),
)

CERTIFICATE_LOGGED = ResourceRule(
    id="acm-transparency",
    title="A certificate is in the public transparency logs",
    why="Browsers refuse one that isn't.",
    severity=Severity.MEDIUM,
    on=CERTIFICATE,
    keys=("options.certificateTransparencyLoggingPreference",),
    absent=Absent(means="AWS logs it", passes=True),
    fix="Leave options out, as prod_infra.edge.acm_cert does.",
    controls={CHECKOV: ("CKV_AWS_234",), WELL_ARCHITECTED: ("SEC09-BP01",)},
    check=one_of("options.certificateTransparencyLoggingPreference", ("ENABLED",), absent_ok=True),
    passes=({"options": {"certificateTransparencyLoggingPreference": "ENABLED"}}, {}),
    fails=({"options": {"certificateTransparencyLoggingPreference": "DISABLED"}},),
)

_CONTAINERS: dict[str, Any] = {
    "on": TASK_DEFINITION,
    "keys": ("containerDefinitions",),
    "absent": Absent(means="AWS refuses a task definition without containers, and says so late"),
    "deferred": "the containers hold names that AWS has yet to give; `up` decides before it makes the task definition",
}


def _by_tag(container: Container) -> Iterator[str]:
    if "@sha256:" not in str(container.get("image", "")):
        yield "image must be given by digest, repository@sha256:…"


_IMAGE = f"repository@sha256:{'0' * 64}"

TASK_IMAGE_PINNED = ResourceRule(
    id="task-image-by-digest",
    title="A container's image is given by its digest",
    why="A tag can come to mean another image between the test and the next task that starts.",
    severity=Severity.HIGH,
    **_CONTAINERS,
    fix="Set Settings.app_image to repository@sha256:….",
    controls={WELL_ARCHITECTED: ("SEC06-BP04", "OPS06-BP03")},
    check=every_container(_by_tag),
    passes=(task(image=_IMAGE),),
    fails=(task(image="repository:latest"), task(image="repository:1.2.3"), task()),
)


def _capable(container: Container) -> Iterator[str]:
    linux = container.get("linuxParameters") or {}
    if (linux.get("capabilities") or {}).get("add"):
        yield "linuxParameters.capabilities.add must be empty"


TASK_NO_CAPABILITIES = ResourceRule(
    id="task-no-added-capabilities",
    title="A container is given no further rights over the kernel",
    why="SYS_PTRACE lets one process read the secrets of all others.",
    severity=Severity.MEDIUM,
    **_CONTAINERS,
    fix="Leave linuxParameters out, as prod_infra.compute.container does.",
    controls={WELL_ARCHITECTED: ("SEC06-BP02",)},
    check=every_container(_capable),
    passes=(task(), task(linuxParameters={"capabilities": {"drop": ["ALL"]}})),
    fails=(task(linuxParameters={"capabilities": {"add": ["SYS_PTRACE"]}}),),
)

_TASK_ALONE = {"networkMode": "awsvpc"}

TASK_ISOLATED = ResourceRule(
    id="task-isolated",
    title="A task shares neither its host's network nor its processes",
    why="It could see and reach what other tasks do.",
    severity=Severity.HIGH,
    on=TASK_DEFINITION,
    keys=("networkMode", "pidMode", "ipcMode"),
    absent=Absent(means="AWS takes Docker's bridge, where tasks share the host's address and security groups"),
    fix="Keep network_mode=awsvpc and leave pid_mode and ipc_mode out, as prod_infra.compute.ecs does.",
    controls={SECURITY_HUB: ("ECS.3", "ECS.17"), WELL_ARCHITECTED: ("SEC06-BP02",)},
    check=all_of(
        equals("networkMode", "awsvpc"),
        one_of("pidMode", ("task", ""), absent_ok=True),
        one_of("ipcMode", ("task", "none", ""), absent_ok=True),
    ),
    passes=(_TASK_ALONE, {**_TASK_ALONE, "pidMode": "task"}),
    fails=({"networkMode": "host"}, {"pidMode": "host"}, {"ipcMode": "host"}),
)

RULES = (
    TRUST_NAMED,
    NO_SERVICE_WILDCARD,
    SECRETS_FROM_PROD,
    NO_ADMINISTRATOR_ROLE,
    DEPUTY_CONDITIONED,
    CERTIFICATE_LOGGED,
    TASK_IMAGE_PINNED,
    TASK_NO_CAPABILITIES,
    TASK_ISOLATED,
)
