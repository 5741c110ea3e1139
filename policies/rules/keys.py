"""What is encrypted with a key of our own, and how the keys are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UnknownValueError

from policies.checks import Props, all_of, at_least, at_most, equals, present, unless
from policies.documents import Statement, document, listed, may, statements
from policies.graph import Stack, undecided
from policies.rule import (
    CHECKOV,
    CIS_5,
    CIS_7,
    FSBP,
    SECURITY_HUB,
    UNKNOWN,
    WELL_ARCHITECTED,
    Absent,
    Example,
    Node,
    ResourceRule,
    Severity,
    StackRule,
    Threshold,
)
from policies.tokens import DOCDB_CLUSTER, ECR_REPOSITORY, KMS_KEY, LOG_GROUP, ROTATABLE_KEY, SECRET, TOPIC, Tokens

MIN_DELETION_WINDOW_DAYS = 14
AWS_MANAGED = "alias/aws/"


def _own_key(key: str) -> Callable[[PolicyResource, Stack], Iterator[str]]:
    """Return the check that `key` names a key of ours: one of the stack, or one made elsewhere that AWS doesn't own."""

    def check(resource: PolicyResource, stack: Stack) -> Iterator[str]:
        if stack.used(resource, key, KMS_KEY):
            return
        try:
            value = resource.props.get(key)
        except UnknownValueError:
            # In a preview an output that the program left out is unknown as well: what was given has a source.
            if resource.property_dependencies.get(key):
                undecided(resource, key)
            value = None
        if not value:
            yield f"{key} is absent; it must name a key of your own"
        elif AWS_MANAGED in str(value):
            yield f"{key} names a key that AWS manages; it must name a key of your own"

    return check


def _encrypted(tokens: Tokens, key: str) -> dict[str, Any]:
    def uses(*names: str, **props: Any) -> Example:
        return (Node(KMS_KEY[0], "key"), Node(tokens[0], "it", props, {key: names} if names else {}))

    literal = {key: "arn:aws:kms:eu-central-1:123456789012:key/1"}
    return {
        "on": tokens,
        "keys": (key,),
        "severity": Severity.MEDIUM,
        "why": "With a key of AWS's own nobody can say who may read, see who did, or take the right back.",
        "check": _own_key(key),
        "passes": (uses("key", **{key: UNKNOWN}), uses(**literal)),
        "fails": (uses(), uses(**{key: "alias/aws/service"})),
        "lacks": uses(),
        "unknown": (
            Node("aws:ssm/parameter:Parameter", "elsewhere"),
            Node(tokens[0], "it", {key: UNKNOWN}, {key: ["elsewhere"]}),
        ),
    }


_FIX = "Give it the key that prod_infra.operations.encryption makes for it."

DOCDB_OWN_KEY = StackRule(
    id="docdb-own-key",
    title="DocumentDB is encrypted with a key of our own",
    absent=Absent(means="AWS encrypts with the key aws/rds"),
    fix=_FIX,
    controls={CHECKOV: ("CKV_AWS_182",), WELL_ARCHITECTED: ("SEC08-BP02",)},
    **_encrypted(DOCDB_CLUSTER, "kmsKeyId"),
)

SECRET_OWN_KEY = StackRule(
    id="secret-own-key",
    title="A secret is encrypted with a key of our own",
    absent=Absent(means="AWS encrypts with the key aws/secretsmanager"),
    fix=_FIX,
    controls={CHECKOV: ("CKV_AWS_149",), WELL_ARCHITECTED: ("SEC08-BP02",)},
    **_encrypted(SECRET, "kmsKeyId"),
)

LOG_GROUP_OWN_KEY = StackRule(
    id="log-group-own-key",
    title="A log group is encrypted with a key of our own",
    absent=Absent(means="AWS encrypts with a key of its own"),
    fix=_FIX,
    controls={CHECKOV: ("CKV_AWS_158",), WELL_ARCHITECTED: ("SEC08-BP02",)},
    **_encrypted(LOG_GROUP, "kmsKeyId"),
)

TOPIC_OWN_KEY = StackRule(
    id="sns-own-key",
    title="An alarm's topic is encrypted with a key of our own",
    absent=Absent(means="AWS stores messages in the clear"),
    fix=_FIX,
    controls={CHECKOV: ("CKV_AWS_26",), WELL_ARCHITECTED: ("SEC08-BP02",)},
    **_encrypted(TOPIC, "kmsMasterKeyId"),
)

_IMAGE_KEY = {"encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": "arn:aws:kms:…"}]}

ECR_OWN_KEY = ResourceRule(
    id="ecr-own-key",
    title="Images are encrypted with a key in KMS",
    why="With S3's own keys nobody can see who read an image, or take the right back.",
    severity=Severity.LOW,
    on=ECR_REPOSITORY,
    keys=("encryptionConfigurations",),
    absent=Absent(means="AWS encrypts with S3's own keys"),
    fix="Give prod_infra.compute.ecr.Ecr the key for images of prod_infra.operations.encryption.",
    controls={SECURITY_HUB: ("ECR.5",), CHECKOV: ("CKV_AWS_136",), WELL_ARCHITECTED: ("SEC08-BP02",)},
    check=all_of(present("encryptionConfigurations"), equals("encryptionConfigurations[].encryptionType", "KMS")),
    passes=(_IMAGE_KEY,),
    fails=({"encryptionConfigurations": [{"encryptionType": "AES256"}]}, {"encryptionConfigurations": []}),
)

_ASYMMETRIC = ("RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "HMAC_256")

KEY_ROTATES = ResourceRule(
    id="kms-rotation",
    title="A key rotates by itself",
    why="The longer one key material is used, the more a leak of it opens.",
    severity=Severity.MEDIUM,
    on=ROTATABLE_KEY,
    keys=("enableKeyRotation", "customerMasterKeySpec"),
    absent=Absent(means="AWS never rotates it"),
    fix="Set enable_key_rotation=True, as prod_infra.operations.key.Key does.",
    controls={
        SECURITY_HUB: ("KMS.4",),
        CIS_5: ("3.6",),
        CIS_7: ("4.6",),
        CHECKOV: ("CKV_AWS_7",),
        WELL_ARCHITECTED: ("SEC02-BP05",),
    },
    check=unless("customerMasterKeySpec", _ASYMMETRIC, equals("enableKeyRotation", expected=True)),
    passes=({"enableKeyRotation": True}, {"customerMasterKeySpec": "RSA_4096"}),
    fails=({"enableKeyRotation": False},),
)

KEY_DELETION_WINDOW = ResourceRule(
    id="kms-deletion-window",
    title=f"A deleted key can be saved for {MIN_DELETION_WINDOW_DAYS} days or more",
    why="With the key goes everything that it encrypted, backups too.",
    severity=Severity.HIGH,
    on=KMS_KEY,
    keys=("deletionWindowInDays",),
    absent=Absent(means="AWS waits 30 days", passes=True),
    fix=f"Keep Settings.kms_deletion_window_days at {MIN_DELETION_WINDOW_DAYS} or more.",
    controls={FSBP: ("KMS.3",), WELL_ARCHITECTED: ("SEC08-BP01",)},
    check=at_least("deletionWindowInDays", MIN_DELETION_WINDOW_DAYS, absent_ok=True),
    threshold=Threshold(
        name="minimumDays",
        floor=MIN_DELETION_WINDOW_DAYS,
        check=lambda days: at_least("deletionWindowInDays", days, absent_ok=True),
    ),
    passes=({"deletionWindowInDays": 30}, {"deletionWindowInDays": 14}),
    fails=({"deletionWindowInDays": 7},),
)

KEY_USABLE = ResourceRule(
    id="kms-usable",
    title="A key is on, and its policy can be changed by the account",
    why="With the key off, the database, the secrets and the logs can't be read; with nobody to change it, for ever.",
    severity=Severity.HIGH,
    on=KMS_KEY,
    keys=("isEnabled", "enabled", "bypassPolicyLockoutSafetyCheck"),
    absent=Absent(means="AWS turns it on", passes=True),
    fix="Leave is_enabled and bypass_policy_lockout_safety_check out, as prod_infra.operations.key.Key does.",
    controls={WELL_ARCHITECTED: ("SEC08-BP01",)},
    check=all_of(
        equals("isEnabled", expected=True, absent_ok=True),
        equals("enabled", expected=True, absent_ok=True),
        equals("bypassPolicyLockoutSafetyCheck", expected=False, absent_ok=True),
    ),
    passes=({"isEnabled": True}, {}),
    fails=({"isEnabled": False}, {"enabled": False}, {"bypassPolicyLockoutSafetyCheck": True}),
)

MAX_ROTATION_DAYS = 365

KEY_ROTATION_PERIOD = ResourceRule(
    id="kms-rotation-period",
    title=f"A key rotates every {MAX_ROTATION_DAYS} days or more often",
    why="The longer one key material is used, the more a leak of it opens.",
    severity=Severity.LOW,
    on=ROTATABLE_KEY,
    keys=("rotationPeriodInDays",),
    absent=Absent(means="AWS rotates each year", passes=True),
    fix="Leave rotation_period_in_days out, as prod_infra.operations.key.Key does.",
    controls={WELL_ARCHITECTED: ("SEC02-BP05",)},
    check=at_most("rotationPeriodInDays", MAX_ROTATION_DAYS, absent_ok=True),
    passes=({"rotationPeriodInDays": 90}, {"rotationPeriodInDays": MAX_ROTATION_DAYS}),
    fails=({"rotationPeriodInDays": 2560},),
)


def _administered(props: Props) -> Iterator[str]:
    text = props.get("policy")
    if text and not any(_administers(statement) for statement in statements(text)):
        yield "policy lets no principal of the account change it; AWS itself could not undo that"


def _administers(statement: Statement) -> bool:
    principal = statement.get("Principal")
    named = listed(principal.get("AWS")) if isinstance(principal, dict) else []
    allowed = statement.get("Effect") == "Allow" and not statement.get("Condition")
    return allowed and bool(named) and may(statement, "kms:PutKeyPolicy")


_ROOT = {"AWS": "arn:aws:iam::123456789012:root"}

KEY_ADMINISTERED = ResourceRule(
    id="kms-administered",
    title="Someone of the account may change a key's policy",
    why="Otherwise nobody ever can, and what it encrypted is lost with the service that may still use it.",
    severity=Severity.HIGH,
    on=KMS_KEY,
    keys=("policy",),
    absent=Absent(means="AWS lets the account's IAM policies decide", passes=True),
    deferred="the policy names what AWS has yet to number; `up` decides before it makes the key",
    fix="Make the key with prod_infra.operations.key.Key.",
    controls={WELL_ARCHITECTED: ("SEC08-BP01",)},
    check=_administered,
    passes=(document(Principal=_ROOT, Action="kms:Put*"), {"policy": ""}),
    fails=(
        document(Principal=_ROOT, Action="kms:Decrypt"),
        document(Principal={"Service": "rds.amazonaws.com"}, Action="kms:*"),
        document(Principal=_ROOT, Action="kms:*", Condition={"StringEquals": {"kms:ViaService": "rds"}}),
    ),
)

RULES = (
    KEY_USABLE,
    KEY_ROTATION_PERIOD,
    KEY_ADMINISTERED,
    DOCDB_OWN_KEY,
    SECRET_OWN_KEY,
    LOG_GROUP_OWN_KEY,
    TOPIC_OWN_KEY,
    ECR_OWN_KEY,
    KEY_ROTATES,
    KEY_DELETION_WINDOW,
)
