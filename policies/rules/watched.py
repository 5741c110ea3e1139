"""Which alarms there must be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pulumi_policy import PolicyResource

from policies.graph import Stack, known, undecided
from policies.rule import UNKNOWN, WELL_ARCHITECTED, Absent, Example, Node, Severity, StackRule
from policies.rules.alarms import Metric, metric_of, metrics_in
from policies.tokens import (
    DEPLOYMENT_GROUP,
    DISTRIBUTION,
    DOCDB_CLUSTER,
    ECS_SERVICE,
    LOAD_BALANCER,
    METRIC_ALARM,
    NAT_GATEWAY,
    TARGET_GROUP,
    WEB_ACL,
    Tokens,
)

EDGE_REGION = "us-east-1"

_KEYS = ("dimensions", "metricQueries")


def _watches(alarm: PolicyResource, metric: Metric) -> bool:
    if (known(alarm, "namespace"), known(alarm, "metricName")) == metric:
        return True
    return any(metric_of(found) == metric for found in metrics_in(known(alarm, "metricQueries")))


def _alarms_on(subject: PolicyResource, stack: Stack, metric: Metric) -> list[PolicyResource]:
    linked = [alarm for key in _KEYS for alarm in stack.users(subject, key, METRIC_ALARM)]
    return [alarm for alarm in linked if _watches(alarm, metric)]


def _watched(id_: str, what: str, on: Tokens, metrics: Sequence[Metric], region: str = "") -> StackRule:
    """Return the rule that alarms on these metrics are made for each resource of these types."""

    def check(subject: PolicyResource, stack: Stack) -> Iterator[str]:
        for metric in metrics:
            found = _alarms_on(subject, stack, metric)
            if not found:
                # One that names its resource by a plain string may mean this one.
                for other in stack.of(METRIC_ALARM):
                    if _watches(other, metric) and not any(other.property_dependencies.get(key) for key in _KEYS):
                        undecided(other, "dimensions")
                yield f"no alarm watches its {metric[1]}"
            elif region and all(known(alarm, "region") != region for alarm in found):
                yield f"the alarm on its {metric[1]} must be in {region}, where AWS counts it"

    def example(*watched: Metric, links: bool = True) -> Example:
        alarms = (
            Node(
                METRIC_ALARM[0],
                name,
                {"namespace": namespace, "metricName": name, **({"region": region} if region else {})},
                {"dimensions": ["it"]} if links else {},
            )
            for namespace, name in watched
        )
        return (Node(on[0], "it"), *alarms)

    return StackRule(
        id=id_,
        title=f"{what} has alarms on {', '.join(name for _, name in metrics)}",
        why="Customers would notice first, and nobody else.",
        severity=Severity.MEDIUM,
        on=on,
        keys=(*_KEYS, "namespace", "metricName"),
        absent=Absent(means="nothing watches it"),
        fix="Build prod_infra.operations.environment_alarms.EnvironmentAlarms for it.",
        controls={WELL_ARCHITECTED: ("REL06-BP01", "OPS08-BP04")},
        check=check,
        passes=(example(*metrics),),
        fails=tuple(example(*(metric for metric in metrics if metric != lost)) for lost in metrics),
        lacks=(Node(on[0], "it"),),
        unknown=example(*metrics, links=False),
    )


def _of(namespace: str, *names: str) -> tuple[Metric, ...]:
    return tuple((namespace, name) for name in names)


TARGET_METRICS = _of("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "UnHealthyHostCount")

WATCHED = (
    _watched("cloudfront-alarms", "A distribution", DISTRIBUTION, _of("AWS/CloudFront", "5xxErrorRate"), EDGE_REGION),
    _watched(
        "alb-alarms",
        "A load balancer",
        LOAD_BALANCER,
        _of("AWS/ApplicationELB", "TargetResponseTime", "HTTPCode_ELB_5XX_Count"),
    ),
    _watched("target-group-alarms", "A target group", TARGET_GROUP, TARGET_METRICS),
    _watched("nat-alarms", "A NAT gateway", NAT_GATEWAY, _of("AWS/NATGateway", "ErrorPortAllocation")),
    _watched(
        "docdb-alarms",
        "DocumentDB",
        DOCDB_CLUSTER,
        _of("AWS/DocDB", "CPUUtilization", "FreeableMemory", "DatabaseConnections", "DBClusterReplicaLagMaximum"),
    ),
    _watched(
        "ecs-alarms",
        "A service",
        ECS_SERVICE,
        (
            *_of("AWS/ECS", "CPUUtilization", "MemoryUtilization"),
            *_of("ECS/ContainerInsights", "RunningTaskCount"),
        ),
    ),
)


def _blocked(acl: PolicyResource, stack: Stack) -> Iterator[str]:
    if known(acl, "scope") != "CLOUDFRONT":
        return
    name = (known(acl, "visibilityConfig") or {}).get("metricName")
    for alarm in stack.of(METRIC_ALARM):
        counts = _watches(alarm, ("AWS/WAFV2", "BlockedRequests")) and known(alarm, "region") == known(acl, "region")
        if counts and (alarm.props.get("dimensions") or {}).get("WebACL") == name:
            return
    yield "no alarm of its region watches its BlockedRequests"


def _acl(**alarm: Any) -> Example:
    counted = {"namespace": "AWS/WAFV2", "metricName": "BlockedRequests", "region": EDGE_REGION}
    props = {"scope": "CLOUDFRONT", "region": EDGE_REGION, "visibilityConfig": {"metricName": "edge"}}
    alarms = (Node(METRIC_ALARM[0], "alarm", {**counted, **alarm}),) if alarm else ()
    return (Node(WEB_ACL[0], "acl", props), *alarms)


WAF_ALARM = StackRule(
    id="waf-alarm",
    title="An alarm tells when the distribution's web ACL refuses much",
    why="An attack, or a rule that refuses customers, would go unseen.",
    severity=Severity.LOW,
    on=WEB_ACL,
    keys=("visibilityConfig", "scope", "region", "dimensions"),
    absent=Absent(means="nothing watches it"),
    fix="Build prod_infra.operations.environment_alarms.EnvironmentAlarms for it.",
    controls={WELL_ARCHITECTED: ("SEC04-BP02",)},
    check=_blocked,
    passes=(_acl(dimensions={"WebACL": "edge", "Rule": "ALL"}), (Node(WEB_ACL[0], "acl", {"scope": "REGIONAL"}),)),
    fails=(
        _acl(dimensions={"WebACL": "other", "Rule": "ALL"}),
        _acl(dimensions={"WebACL": "edge", "Rule": "ALL"}, region="eu-central-1"),
    ),
    lacks=_acl(),
    unknown=_acl(dimensions=UNKNOWN),
)


def _watched_deployment(group: PolicyResource, stack: Stack) -> Iterator[str]:
    named = stack.used(group, "alarmConfiguration", METRIC_ALARM)
    configuration = known(group, "alarmConfiguration") or {}
    if not named and configuration.get("alarms"):
        undecided(group, "alarmConfiguration")
    urns = {alarm.urn for alarm in named}
    for target in stack.used(group, "loadBalancerInfo", TARGET_GROUP):
        for metric in TARGET_METRICS:
            if not any(alarm.urn in urns for alarm in _alarms_on(target, stack, metric)):
                yield f"alarmConfiguration names no alarm on {metric[1]} of target group {target.name}"
    if not any(_watches(alarm, ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count")) for alarm in named):
        yield "alarmConfiguration names no alarm on HTTPCode_ELB_5XX_Count"


def _deployment(*alarms: str, **props: Any) -> Example:
    return (
        Node(TARGET_GROUP[0], "blue"),
        *(
            Node(
                METRIC_ALARM[0],
                name,
                {"namespace": "AWS/ApplicationELB", "metricName": name},
                {"dimensions": ["blue"]},
            )
            for name in (*(name for _, name in TARGET_METRICS), "HTTPCode_ELB_5XX_Count")
        ),
        Node(DEPLOYMENT_GROUP[0], "group", props, {"loadBalancerInfo": ["blue"], "alarmConfiguration": alarms}),
    )


_EVERY = (*(name for _, name in TARGET_METRICS), "HTTPCode_ELB_5XX_Count")

DEPLOYMENT_WATCHED = StackRule(
    id="code-deploy-watches-targets",
    title="A deployment is stopped by errors and sick targets, of blue, of green and of the load balancer",
    why="A revision that starts well and then answers with errors would stay.",
    severity=Severity.HIGH,
    on=DEPLOYMENT_GROUP,
    keys=("alarmConfiguration", "loadBalancerInfo"),
    absent=Absent(means="AWS watches none"),
    fix="Give prod_infra.compute.blue_green every alarm of prod_infra.operations.alarms.RollbackAlarms.",
    controls={WELL_ARCHITECTED: ("OPS06-BP04",)},
    check=_watched_deployment,
    passes=(_deployment(*_EVERY),),
    fails=tuple(_deployment(*(name for name in _EVERY if name != lost)) for lost in _EVERY),
    lacks=_deployment(),
    unknown=_deployment(alarmConfiguration={"alarms": ["by-name"]}),
)

RULES = (*WATCHED, WAF_ALARM, DEPLOYMENT_WATCHED)
