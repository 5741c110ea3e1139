"""Ways by which objects leave a bucket: access lists, websites, other origins, wide policies, and expiry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_policy import PolicyResource

from policies.checks import each, satisfies
from policies.documents import Statement, allows, document, listed, may
from policies.graph import Stack, items, known, undecided
from policies.rule import (
    CHECKOV,
    FSBP,
    UNKNOWN,
    WELL_ARCHITECTED,
    Absent,
    Example,
    Node,
    ResourceRule,
    Severity,
    StackRule,
)
from policies.rules.audit_trail import takes_logs
from policies.rules.identity import DEFERRED
from policies.tokens import (
    BUCKET,
    BUCKET_ACL,
    BUCKET_CORS,
    BUCKET_LIFECYCLE,
    BUCKET_LOGGING,
    BUCKET_OBJECT,
    BUCKET_POLICY,
    BUCKET_WEBSITE,
)

_PRIVATE: Final[Mapping[str, tuple[str, ...]]] = {WELL_ARCHITECTED: ("SEC03-BP07",)}
PUBLIC_ACLS: Final = ("public-read", "public-read-write", "authenticated-read")

NO_PUBLIC_ACL = ResourceRule(
    id="s3-no-public-acl",
    title="No access list opens a bucket or an object to the public",
    why="The public access block is all that stands before it, and one line takes that away.",
    severity=Severity.CRITICAL,
    on=(*BUCKET_ACL, *BUCKET, *BUCKET_OBJECT),
    keys=("acl",),
    absent=Absent(means="AWS makes it private", passes=True),
    fix="Leave acl out: prod_infra.edge.private_bucket turns access lists off.",
    controls={FSBP: ("S3.2", "S3.3"), CHECKOV: ("CKV_AWS_20", "CKV_AWS_57"), **_PRIVATE},
    check=satisfies("acl", lambda acl: acl not in PUBLIC_ACLS, "be private", absent_ok=True),
    passes=({"acl": "private"},),
    fails=tuple({"acl": acl} for acl in PUBLIC_ACLS),
)

CORS_NARROW = ResourceRule(
    id="s3-cors-narrow",
    title="A bucket names the sites that may call it from a browser",
    why="Any page that a customer opens could read and write in his name.",
    severity=Severity.MEDIUM,
    on=BUCKET_CORS,
    keys=("corsRules", "corsRules[].allowedOrigins"),
    absent=Absent(means="AWS refuses a configuration without rules, and says so late", passes=True),
    fix="Serve the bucket by the distribution, as prod_infra.edge.cdn does; then no page needs to call it.",
    controls=_PRIVATE,
    check=each(
        "corsRules",
        satisfies("allowedOrigins", lambda origins: "*" not in list(items(origins)), "name the sites"),
    ),
    passes=({"corsRules": [{"allowedMethods": ["GET"], "allowedOrigins": ["https://example.com"]}]},),
    fails=({"corsRules": [{"allowedMethods": ["GET"], "allowedOrigins": ["*"]}]},),
)

_WRITES = ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:PutObjectAcl")


def _too_much(statement: Statement) -> bool:
    principal = statement.get("Principal")
    services = listed(principal.get("Service")) if isinstance(principal, dict) else []
    reader = "cloudfront.amazonaws.com" in services
    return any(may(statement, action) for action in (*_WRITES, *(["s3:PutObject"] if reader else [])))


BUCKET_POLICY_NARROW = ResourceRule(
    id="s3-policy-narrow",
    title="A bucket's policy lets nobody delete, or open the bucket, and CloudFront read alone",
    why="A forged request to the distribution, or a service led astray, would overwrite the site.",
    severity=Severity.HIGH,
    on=BUCKET_POLICY,
    keys=("policy",),
    absent=Absent(means="AWS admits nobody of another account", passes=True),
    deferred=DEFERRED,
    fix="Allow s3:GetObject, and to services that deliver s3:PutObject, as prod_infra.edge.bucket_policy does.",
    controls={FSBP: ("S3.6",), WELL_ARCHITECTED: ("SEC03-BP02",)},
    check=allows(_too_much, "allows to delete, to change the policy, or CloudFront to write"),
    passes=(
        document(Principal={"Service": "cloudfront.amazonaws.com"}),
        document(Principal={"Service": "logging.s3.amazonaws.com"}, Action="s3:PutObject"),
    ),
    fails=(
        document(Principal={"Service": "cloudfront.amazonaws.com"}, Action="s3:PutObject"),
        document(Principal={"Service": "logging.s3.amazonaws.com"}, Action="s3:*"),
        document(Principal={"AWS": "123456789012"}, Action=["s3:GetObject", "s3:Delete*"]),
    ),
)


def _website(bucket: PolicyResource, stack: Stack) -> Iterator[str]:
    if known(bucket, "website") or stack.users(bucket, "bucket", BUCKET_WEBSITE):
        yield "it is a website, which S3 serves over plain HTTP to anyone"
        return
    for other in stack.of(BUCKET_WEBSITE):
        if not other.property_dependencies.get("bucket"):
            undecided(other, "bucket")


_SITE = Node(BUCKET_WEBSITE[0], "site", {}, {"bucket": ["bucket"]})

NO_WEBSITE = StackRule(
    id="s3-no-website",
    title="No bucket is a website of its own",
    why="S3's websites know no TLS, and want a public bucket.",
    severity=Severity.HIGH,
    on=BUCKET,
    keys=("website", "bucket"),
    absent=Absent(means="the bucket is no website", passes=True),
    fix="Serve it by the distribution, as prod_infra.edge.s3_site and cdn do.",
    controls={WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=_website,
    passes=((Node(BUCKET[0], "bucket"), Node(BUCKET[0], "other")),),
    fails=(
        (Node(BUCKET[0], "bucket"), _SITE),
        (Node(BUCKET[0], "bucket", {"website": {"indexDocument": "index.html"}}),),
    ),
    lacks=(Node(BUCKET[0], "bucket"),),
    unknown=(Node(BUCKET[0], "bucket"), Node(BUCKET_WEBSITE[0], "site", {"bucket": "by-name"})),
)


def _expires(bucket: PolicyResource, stack: Stack) -> Iterator[str]:
    if takes_logs(bucket, stack):
        return
    for lifecycle in stack.users(bucket, "bucket", BUCKET_LIFECYCLE):
        for index, rule in enumerate(items(lifecycle.props.get("rules"))):
            expiration = rule.get("expiration") or {}
            if expiration.get("days") or expiration.get("date"):
                yield f"rules[{index}].expiration of {lifecycle.name} deletes what customers still use"


def _lifecycle(rules: Any, *others: Node) -> Example:
    lifecycle = Node(BUCKET_LIFECYCLE[0], "tidy", {"rules": rules}, {"bucket": ["bucket"]})
    return (Node(BUCKET[0], "bucket"), lifecycle, *others)


DATA_STAYS = StackRule(
    id="s3-data-stays",
    title="Only logs expire; what customers put or see stays",
    why="The site and the images would be gone on a day that nobody remembers having set.",
    severity=Severity.HIGH,
    on=BUCKET,
    keys=("rules", "rules[].expiration"),
    absent=Absent(means="nothing expires", passes=True),
    fix="Leave expire_days of prod_infra.edge.private_bucket to the bucket of access logs.",
    controls={WELL_ARCHITECTED: ("REL09-BP01", "SEC07-BP04")},
    check=_expires,
    passes=(
        _lifecycle([{"noncurrentVersionExpiration": {"noncurrentDays": 90}}]),
        _lifecycle([{"expiration": {"expiredObjectDeleteMarker": True}}]),
        _lifecycle(
            [{"expiration": {"days": 365}}], Node(BUCKET_LOGGING[0], "logging", {}, {"targetBucket": ["bucket"]})
        ),
    ),
    fails=(
        _lifecycle([{"expiration": {"days": 365}}]),
        _lifecycle([{"expiration": {"date": "2030-01-01T00:00:00Z"}}]),
    ),
    lacks=(Node(BUCKET[0], "bucket"),),
    unknown=_lifecycle(UNKNOWN),
)

RULES = (NO_PUBLIC_ACL, CORS_NARROW, BUCKET_POLICY_NARROW, NO_WEBSITE, DATA_STAYS)
