"""Buckets and image repositories: kept, private, versioned."""

from __future__ import annotations

from policies.checks import all_of, equals, one_of, present, satisfies
from policies.rule import CHECKOV, CIS_5, CIS_7, FSBP, SECURITY_HUB, WELL_ARCHITECTED, Absent, ResourceRule, Severity
from policies.tokens import (
    ACCOUNT_PUBLIC_ACCESS_BLOCK,
    BUCKET,
    BUCKET_ENCRYPTION,
    BUCKET_LIFECYCLE,
    BUCKET_OBJECT_LOCK,
    BUCKET_OWNERSHIP,
    BUCKET_PUBLIC_ACCESS_BLOCK,
    BUCKET_VERSIONING,
    ECR_REPOSITORY,
)

BUCKET_NO_FORCE_DESTROY = ResourceRule(
    id="s3-no-force-destroy",
    title="A bucket that holds something can't be destroyed",
    why="force_destroy empties the bucket first, every version of every object, and there is no way back.",
    severity=Severity.HIGH,
    on=BUCKET,
    keys=("forceDestroy",),
    absent=Absent(means="a bucket that holds something stays", passes=True),
    fix="Keep Settings.force_destroy=False.",
    controls={WELL_ARCHITECTED: ("REL09-BP01",)},
    check=equals("forceDestroy", expected=False, absent_ok=True),
    passes=({"forceDestroy": False},),
    fails=({"forceDestroy": True},),
)

_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")

BUCKET_BLOCKS_PUBLIC_ACCESS = ResourceRule(
    id="s3-public-access-block",
    title="A public access block blocks everything, a bucket's and the account's",
    why="One mistaken policy or ACL would open the bucket to anyone.",
    severity=Severity.CRITICAL,
    on=(*BUCKET_PUBLIC_ACCESS_BLOCK, *ACCOUNT_PUBLIC_ACCESS_BLOCK),
    keys=_BLOCKS,
    absent=Absent(means="AWS does not block it"),
    fix="Set all four flags, as prod_infra.edge.s3_site and s3_images do.",
    controls={
        FSBP: ("S3.1", "S3.8"),
        CIS_5: ("2.1.4",),
        CIS_7: ("3.1.4",),
        CHECKOV: ("CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56"),
        WELL_ARCHITECTED: ("SEC03-BP07",),
    },
    check=all_of(*(equals(flag, expected=True) for flag in _BLOCKS)),
    passes=(dict.fromkeys(_BLOCKS, True),),
    fails=tuple({flag: False} for flag in _BLOCKS),
)

BUCKET_VERSIONING_ON = ResourceRule(
    id="s3-versioning",
    title="A bucket keeps the versions of its objects",
    why="An overwritten or deleted object would be lost.",
    severity=Severity.MEDIUM,
    on=BUCKET_VERSIONING,
    keys=("versioningConfiguration.status",),
    absent=Absent(means="AWS refuses it without a status, and says so late"),
    fix="Keep versioning Enabled, as prod_infra.edge.s3_site and s3_images do.",
    controls={SECURITY_HUB: ("S3.14",), CHECKOV: ("CKV_AWS_21",), WELL_ARCHITECTED: ("SEC08-BP04",)},
    check=equals("versioningConfiguration.status", "Enabled"),
    passes=({"versioningConfiguration": {"status": "Enabled"}},),
    fails=(
        {"versioningConfiguration": {"status": "Suspended"}},
        {"versioningConfiguration": {"status": "Disabled"}},
    ),
)

_ALGORITHM = "rules[].applyServerSideEncryptionByDefault.sseAlgorithm"

BUCKET_ENCRYPTION_KNOWN = ResourceRule(
    id="s3-encryption",
    title="A bucket says how it encrypts its objects",
    why="What an auditor can't see configured, he has to assume missing.",
    severity=Severity.MEDIUM,
    on=BUCKET_ENCRYPTION,
    keys=(_ALGORITHM,),
    absent=Absent(means="AWS encrypts with its own key, and nothing says so"),
    fix="Set sse_algorithm to AES256 or aws:kms, as prod_infra.edge.s3_site and s3_images do.",
    controls={SECURITY_HUB: ("S3.17",), CHECKOV: ("CKV_AWS_19",), WELL_ARCHITECTED: ("SEC08-BP02",)},
    check=all_of(
        present("rules"),
        satisfies(
            _ALGORITHM,
            lambda algorithm: algorithm in ("AES256", "aws:kms", "aws:kms:dsse"),
            "be AES256, aws:kms or aws:kms:dsse",
        ),
    ),
    passes=tuple(
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": algorithm}}]}
        for algorithm in ("aws:kms", "AES256", "aws:kms:dsse")
    ),
    fails=({"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "none"}}]}, {"rules": []}),
)

BUCKET_ACLS_OFF = ResourceRule(
    id="s3-acls-off",
    title="A bucket's owner owns its objects, and ACLs are off",
    why="An ACL on one object is easily missed and opens it behind the policy's back.",
    severity=Severity.MEDIUM,
    on=BUCKET_OWNERSHIP,
    keys=("rule.objectOwnership",),
    absent=Absent(means="AWS refuses it without one, and says so late"),
    fix="Set object_ownership=BucketOwnerEnforced, as prod_infra.edge.s3_site and s3_images do.",
    controls={FSBP: ("S3.12",), CHECKOV: ("CKV2_AWS_65",), WELL_ARCHITECTED: ("SEC03-BP07",)},
    check=equals("rule.objectOwnership", "BucketOwnerEnforced"),
    passes=({"rule": {"objectOwnership": "BucketOwnerEnforced"}},),
    fails=({"rule": {"objectOwnership": "ObjectWriter"}}, {"rule": {"objectOwnership": "BucketOwnerPreferred"}}),
)

BUCKET_LIFECYCLE_ON = ResourceRule(
    id="s3-lifecycle-enabled",
    title="A bucket's lifecycle rules are on",
    why="A rule that is turned off looks like order and clears nothing away.",
    severity=Severity.LOW,
    on=BUCKET_LIFECYCLE,
    keys=("rules", "rules[].status"),
    absent=Absent(means="AWS refuses a configuration without rules, and says so late"),
    fix="Set status=Enabled, as prod_infra.edge.private_bucket does.",
    controls={FSBP: ("S3.13",), CHECKOV: ("CKV2_AWS_61",)},
    check=all_of(present("rules"), equals("rules[].status", "Enabled")),
    passes=({"rules": [{"id": "old", "status": "Enabled"}]},),
    fails=({"rules": []}, {"rules": [{"status": "Enabled"}, {"status": "Disabled"}]}, {"rules": [{"id": "old"}]}),
)

_RETENTION = "rule.defaultRetention"

BUCKET_OBJECTS_LOCKED = ResourceRule(
    id="s3-object-lock-retention",
    title="A bucket whose objects are locked says in which mode",
    why="Without a default each writer has to remember to lock, and evidence can be deleted by whoever made it.",
    severity=Severity.MEDIUM,
    on=BUCKET_OBJECT_LOCK,
    keys=(f"{_RETENTION}.mode",),
    absent=Absent(means="AWS locks nothing by itself"),
    fix="Make the bucket with prod_infra.operations.evidence.Evidence.",
    controls={WELL_ARCHITECTED: ("SEC08-BP04",)},
    check=one_of(f"{_RETENTION}.mode", ("COMPLIANCE", "GOVERNANCE")),
    passes=({"rule": {"defaultRetention": {"mode": "COMPLIANCE", "days": 365}}},),
    fails=({"rule": {"defaultRetention": {"mode": "none"}}}, {"rule": {}}),
)

ECR_SCAN_ON_PUSH = ResourceRule(
    id="ecr-scan-on-push",
    title="Every pushed image is scanned",
    why="A known hole in an image would first be noticed in production.",
    severity=Severity.HIGH,
    on=ECR_REPOSITORY,
    keys=("imageScanningConfiguration.scanOnPush",),
    absent=Absent(means="AWS scans nothing"),
    fix="Keep Settings.scan_on_push=True.",
    controls={FSBP: ("ECR.1",), CHECKOV: ("CKV_AWS_163",), WELL_ARCHITECTED: ("SEC06-BP02",)},
    check=equals("imageScanningConfiguration.scanOnPush", expected=True),
    passes=({"imageScanningConfiguration": {"scanOnPush": True}},),
    fails=({"imageScanningConfiguration": {"scanOnPush": False}}, {"imageScanningConfiguration": None}),
)

ECR_IMMUTABLE_TAGS = ResourceRule(
    id="ecr-immutable-tags",
    title="An image's tag never comes to mean another image",
    why="A rollback to a tag that was pushed again would deploy something else.",
    severity=Severity.MEDIUM,
    on=ECR_REPOSITORY,
    keys=("imageTagMutability",),
    absent=Absent(means="AWS lets tags move"),
    fix="Set image_tag_mutability=IMMUTABLE without exclusions, as prod_infra.compute.ecr.Ecr does.",
    controls={FSBP: ("ECR.2",), CHECKOV: ("CKV_AWS_51",)},
    check=equals("imageTagMutability", "IMMUTABLE"),
    passes=({"imageTagMutability": "IMMUTABLE"},),
    fails=({"imageTagMutability": "MUTABLE"}, {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}),
)

ECR_NO_FORCE_DELETE = ResourceRule(
    id="ecr-no-force-delete",
    title="A repository that holds images can't be deleted",
    why="Rollback needs the images that force_delete would take along.",
    severity=Severity.HIGH,
    on=ECR_REPOSITORY,
    keys=("forceDelete",),
    absent=Absent(means="a repository that holds images stays", passes=True),
    fix="Keep Settings.force_delete=False.",
    controls={WELL_ARCHITECTED: ("REL09-BP01",)},
    check=equals("forceDelete", expected=False, absent_ok=True),
    passes=({"forceDelete": False},),
    fails=({"forceDelete": True},),
)

RULES = (
    BUCKET_NO_FORCE_DESTROY,
    BUCKET_BLOCKS_PUBLIC_ACCESS,
    BUCKET_VERSIONING_ON,
    BUCKET_ENCRYPTION_KNOWN,
    BUCKET_ACLS_OFF,
    BUCKET_LIFECYCLE_ON,
    BUCKET_OBJECTS_LOCKED,
    ECR_SCAN_ON_PUSH,
    ECR_IMMUTABLE_TAGS,
    ECR_NO_FORCE_DELETE,
)
