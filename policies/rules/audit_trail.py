"""Who did what is written down, kept long enough, and can be found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pulumi_policy import PolicyResource

from policies.checks import Check, at_least, equals
from policies.graph import Stack, known, undecided
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
from policies.tokens import (
    BUCKET,
    BUCKET_LIFECYCLE,
    BUCKET_LOGGING,
    BUCKET_POLICY,
    DISTRIBUTION,
    ECR_LIFECYCLE,
    ECR_REPOSITORY,
    FLOW_LOG,
    LOAD_BALANCER,
    LOG_DELIVERY,
    LOG_DELIVERY_SOURCE,
    LOG_GROUP,
    VPC,
    WEB_ACL,
    WEB_ACL_LOGGING,
    Tokens,
)

MIN_LOG_DAYS = 365


def _needed(_resource: PolicyResource, _stack: Stack) -> bool:
    return False


def companion(
    on: Tokens, tokens: Tokens, key: str, what: str, otherwise: Callable[[PolicyResource, Stack], bool] = _needed
) -> dict[str, Any]:
    """Return the parts of a rule that each resource has a companion whose property `key` names it.

    Args:
        on: what the rule judges.
        tokens: the companion's types.
        key: the companion's property.
        what: the companion, in a message.
        otherwise: whether the resource does without.
    """

    def check(resource: PolicyResource, stack: Stack) -> Iterator[str]:
        if stack.users(resource, key, tokens) or otherwise(resource, stack):
            return
        # One that names its resource by a plain string may mean this one.
        for other in stack.of(tokens):
            if not other.property_dependencies.get(key):
                undecided(other, key)
        yield f"no {what} is made for it"

    def example(*uses: str) -> Example:
        return (Node(on[0], "it"), Node(on[0], "other"), Node(tokens[0], "companion", {}, {key: uses}))

    return {
        "on": on,
        "keys": (key,),
        "check": check,
        "passes": (example("it", "other"),),
        "fails": (example("other"), (Node(on[0], "it"),)),
        "lacks": (Node(on[0], "it"),),
        "unknown": (Node(on[0], "it"), Node(tokens[0], "companion", {key: "by-name"})),
    }


VPC_FLOW_LOGS = StackRule(
    id="vpc-flow-logs",
    title="A VPC writes flow logs",
    why="After an intrusion nobody could say what talked to what.",
    severity=Severity.MEDIUM,
    absent=Absent(means="AWS writes none"),
    fix="Build prod_infra.operations.flow_logs.FlowLogs for the VPC.",
    controls={
        FSBP: ("EC2.6",),
        CIS_5: ("3.7",),
        CIS_7: ("4.7",),
        CHECKOV: ("CKV2_AWS_11",),
        WELL_ARCHITECTED: ("SEC04-BP01",),
    },
    **companion(VPC, FLOW_LOG, "vpcId", "FlowLog"),
)

FLOW_LOG_ALL = ResourceRule(
    id="flow-log-all-traffic",
    title="A flow log has what was admitted and what was refused",
    why="What was admitted is what an intruder did.",
    severity=Severity.LOW,
    on=FLOW_LOG,
    keys=("trafficType",),
    absent=Absent(means="AWS refuses one for a VPC without it, and says so late"),
    fix="Set traffic_type=ALL, as prod_infra.operations.flow_logs does.",
    controls={WELL_ARCHITECTED: ("SEC04-BP01",)},
    check=equals("trafficType", "ALL"),
    passes=({"trafficType": "ALL"},),
    fails=({"trafficType": "REJECT"}, {"trafficType": "ACCEPT"}),
)

ALB_ACCESS_LOGS = ResourceRule(
    id="alb-access-logs",
    title="A load balancer logs every request",
    why="Without them nobody can say who asked for what.",
    severity=Severity.MEDIUM,
    on=LOAD_BALANCER,
    keys=("accessLogs.enabled",),
    absent=Absent(means="AWS logs none"),
    fix="Give prod_infra.compute.alb.Alb the bucket of prod_infra.operations.access_logs.",
    controls={
        FSBP: ("ELB.5",),
        CIS_7: ("4.10",),
        CHECKOV: ("CKV_AWS_91",),
        WELL_ARCHITECTED: ("SEC04-BP01",),
    },
    check=equals("accessLogs.enabled", expected=True),
    passes=({"accessLogs": {"enabled": True, "bucket": "logs"}},),
    fails=({"accessLogs": {"enabled": False, "bucket": "logs"}}, {"accessLogs": {"bucket": "logs"}}),
)


def _distribution_logs(distribution: PolicyResource, stack: Stack) -> Iterator[str]:
    if known(distribution, "loggingConfig"):
        return
    sources = stack.users(distribution, "resourceArn", LOG_DELIVERY_SOURCE)
    for other in stack.of(LOG_DELIVERY_SOURCE):
        if not other.property_dependencies.get("resourceArn"):
            undecided(other, "resourceArn")
    if not any(stack.users(source, "deliverySourceName", LOG_DELIVERY) for source in sources):
        yield "it has no loggingConfig, and no LogDelivery takes its access logs anywhere"


def _delivered(*, delivered: bool = True) -> Example:
    source = Node(LOG_DELIVERY_SOURCE[0], "source", {}, {"resourceArn": ["cdn"]})
    delivery = Node(LOG_DELIVERY[0], "delivery", {}, {"deliverySourceName": ["source"]})
    return (Node(DISTRIBUTION[0], "cdn"), source, *([delivery] if delivered else []))


CLOUDFRONT_LOGS = StackRule(
    id="cloudfront-logs",
    title="CloudFront logs every request",
    why="Without them nobody can say who asked for what.",
    severity=Severity.MEDIUM,
    on=DISTRIBUTION,
    keys=("loggingConfig", "resourceArn", "deliverySourceName"),
    absent=Absent(means="AWS logs none"),
    fix="Build prod_infra.edge.cdn_logs.CdnLogs for the distribution.",
    controls={
        FSBP: ("CloudFront.5",),
        CIS_7: ("4.10",),
        CHECKOV: ("CKV_AWS_86",),
        WELL_ARCHITECTED: ("SEC04-BP01",),
    },
    check=_distribution_logs,
    passes=(_delivered(), (Node(DISTRIBUTION[0], "cdn", {"loggingConfig": {"bucket": "logs"}}),)),
    fails=(_delivered(delivered=False),),
    lacks=(Node(DISTRIBUTION[0], "cdn"),),
    unknown=(Node(DISTRIBUTION[0], "cdn"), Node(LOG_DELIVERY_SOURCE[0], "source", {"resourceArn": UNKNOWN})),
)


def takes_logs(bucket: PolicyResource, stack: Stack) -> bool:
    """Whether other buckets log into this one."""
    # A bucket that logged the access to itself would grow without end. Its name may come from its policy, which has to
    # be there before anything is delivered.
    named = [bucket, *stack.users(bucket, "bucket", BUCKET_POLICY)]
    return any(stack.users(source, "targetBucket", BUCKET_LOGGING) for source in named) or bool(
        known(bucket, "loggings")
    )


BUCKET_ACCESS_LOGS = StackRule(
    id="s3-access-logs",
    title="A bucket logs who reads and writes it",
    why="After a leak nobody could say what was taken.",
    severity=Severity.LOW,
    absent=Absent(means="AWS logs none"),
    fix="Give the bucket's component the log_bucket of prod_infra.operations.access_logs.",
    controls={FSBP: ("S3.9",), CHECKOV: ("CKV_AWS_18",), WELL_ARCHITECTED: ("SEC04-BP01",)},
    **companion(BUCKET, BUCKET_LOGGING, "bucket", "BucketLogging", takes_logs),
)

BUCKET_HAS_LIFECYCLE = StackRule(
    id="s3-lifecycle",
    title="A bucket clears old versions and abandoned uploads away",
    why="Nobody sees them, everybody pays for them, and personal data in them stays for ever.",
    severity=Severity.LOW,
    absent=Absent(means="AWS keeps everything"),
    fix="Make the bucket with prod_infra.edge.private_bucket.PrivateBucket.",
    controls={FSBP: ("S3.13",), CHECKOV: ("CKV2_AWS_61",), WELL_ARCHITECTED: ("SEC07-BP04",)},
    **companion(
        BUCKET,
        BUCKET_LIFECYCLE,
        "bucket",
        "BucketLifecycleConfiguration",
        lambda bucket, _: bool(known(bucket, "lifecycleRules")),
    ),
)

ECR_HAS_LIFECYCLE = StackRule(
    id="ecr-lifecycle",
    title="A repository clears old images away",
    why="Old images pile up with their holes, and one of them is deployed by mistake.",
    severity=Severity.LOW,
    absent=Absent(means="AWS keeps every image"),
    fix="Keep the lifecycle policy of prod_infra.compute.ecr.Ecr.",
    controls={FSBP: ("ECR.3",), WELL_ARCHITECTED: ("SEC03-BP06",)},
    **companion(ECR_REPOSITORY, ECR_LIFECYCLE, "repository", "LifecyclePolicy"),
)

WEB_ACL_LOGS = StackRule(
    id="waf-logs",
    title="A web ACL logs what it decides",
    why="Nobody could say what an attacker tried, or why a customer was refused.",
    severity=Severity.LOW,
    absent=Absent(means="AWS keeps a sample for three hours"),
    fix="Build the web ACL with prod_infra.edge.waf.Waf.",
    controls={CHECKOV: ("CKV2_AWS_31",), WELL_ARCHITECTED: ("SEC04-BP01",)},
    **companion(WEB_ACL, WEB_ACL_LOGGING, "resourceArn", "WebAclLoggingConfiguration"),
)


def _kept(days: float) -> Check:
    return at_least("retentionInDays", days)


LOG_RETENTION = ResourceRule(
    id="log-group-retention",
    title=f"Logs are kept for {MIN_LOG_DAYS} days or more, and not for ever",
    why="An intrusion is often noticed only after months; what is kept without limit is never looked after.",
    severity=Severity.LOW,
    on=LOG_GROUP,
    keys=("retentionInDays",),
    absent=Absent(means="AWS keeps them for ever, and nobody has decided that"),
    fix=f"Keep Settings.log_retention_days at {MIN_LOG_DAYS} or more.",
    controls={
        SECURITY_HUB: ("CloudWatch.16",),
        CHECKOV: ("CKV_AWS_66", "CKV_AWS_338"),
        WELL_ARCHITECTED: ("SEC04-BP01",),
    },
    check=_kept(MIN_LOG_DAYS),
    threshold=Threshold(name="minimumDays", floor=MIN_LOG_DAYS, check=_kept),
    passes=({"retentionInDays": 365}, {"retentionInDays": 3653}),
    fails=({"retentionInDays": 30}, {"retentionInDays": 0}),
)

RULES = (
    VPC_FLOW_LOGS,
    FLOW_LOG_ALL,
    ALB_ACCESS_LOGS,
    CLOUDFRONT_LOGS,
    BUCKET_ACCESS_LOGS,
    BUCKET_HAS_LIFECYCLE,
    ECR_HAS_LIFECYCLE,
    WEB_ACL_LOGS,
    LOG_RETENTION,
)
