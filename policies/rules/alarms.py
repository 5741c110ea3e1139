"""When an alarm goes off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.checks import Props, given, number, show
from policies.graph import items
from policies.rule import (
    WELL_ARCHITECTED,
    Absent,
    ResourceRule,
    Severity,
)
from policies.tokens import (
    METRIC_ALARM,
)

MAX_SECONDS_TO_ALARM = 900
GIB = 2**30

Metric = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """When an alarm on a metric must go off at the latest.

    Attributes:
        bound: the laxest threshold.
        dimensions: those that make the metric one resource's; none where the metric is part of an expression.
        statistics: those that show the fault.
        below: whether low values are the fault.
        missing: what missing data must count as; empty where it may be anything.
    """

    bound: float
    dimensions: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    below: bool = False
    missing: str = ""


_BALANCER, _TARGETS = ("LoadBalancer",), ("LoadBalancer", "TargetGroup")
_SERVICE, _CLUSTER = ("ClusterName", "ServiceName"), ("DBClusterIdentifier",)
_HIGH = ("Average", "Maximum")

LIMITS: Final[Mapping[Metric, Limit]] = {
    ("AWS/CloudFront", "5xxErrorRate"): Limit(
        bound=10, dimensions=("DistributionId", "Region"), statistics=("Average",)
    ),
    ("AWS/WAFV2", "BlockedRequests"): Limit(bound=10_000, dimensions=("Rule", "WebACL"), statistics=("Sum",)),
    ("AWS/ApplicationELB", "TargetResponseTime"): Limit(
        bound=5, dimensions=_BALANCER, statistics=("p99", "p95", "p90")
    ),
    ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count"): Limit(bound=50, dimensions=_BALANCER, statistics=("Sum",)),
    ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"): Limit(bound=50, dimensions=_TARGETS, statistics=("Sum",)),
    ("AWS/ApplicationELB", "UnHealthyHostCount"): Limit(
        bound=0, dimensions=_TARGETS, statistics=("Minimum", "Average", "Maximum")
    ),
    ("AWS/NATGateway", "ErrorPortAllocation"): Limit(bound=10, dimensions=("NatGatewayId",), statistics=("Sum",)),
    ("AWS/DocDB", "CPUUtilization"): Limit(bound=90, dimensions=_CLUSTER, statistics=_HIGH),
    ("AWS/DocDB", "FreeableMemory"): Limit(
        bound=GIB, dimensions=_CLUSTER, statistics=("Minimum", "Average"), below=True
    ),
    ("AWS/DocDB", "DBClusterReplicaLagMaximum"): Limit(bound=10_000, dimensions=_CLUSTER, statistics=_HIGH),
    ("AWS/ECS", "CPUUtilization"): Limit(bound=90, dimensions=_SERVICE, statistics=_HIGH),
    ("AWS/ECS", "MemoryUtilization"): Limit(bound=90, dimensions=_SERVICE, statistics=_HIGH),
    ("ECS/ContainerInsights", "RunningTaskCount"): Limit(
        bound=2, dimensions=_SERVICE, statistics=("Minimum", "Average"), below=True, missing="breaching"
    ),
}

SHARES: Final[Mapping[Metric, Limit]] = {("AWS/DocDB", "DatabaseConnections"): Limit(bound=90)}
"""Metrics that are judged as a percentage of another, in an expression."""

NOWHERE: Final = Limit(bound=-1)
"""What no alarm can meet: its expression is over a series without data."""


def metric_of(holder: Props) -> Metric:
    """Return the namespace and the name of an alarm's metric, or of one in its expression."""
    return str(holder.get("namespace")), str(holder.get("metricName"))


def metrics_in(queries: Any) -> Iterator[Props]:
    """Yield the metrics that an alarm's `metricQueries` combine."""
    for query in items(queries):
        if query.get("metric"):
            yield query["metric"]


def _limit(props: Props) -> Limit | None:
    metrics = list(metrics_in(props.get("metricQueries")))
    for found in filter(None, (SHARES.get(metric_of(metric)) for metric in metrics)):
        return found if all(sorted(metric.get("dimensions") or ()) == [*_CLUSTER] for metric in metrics) else NOWHERE
    return LIMITS.get(metric_of(props))


def _late(props: Props) -> Iterator[str]:
    limit = _limit(props)
    if limit is None:
        return
    threshold = number(props.get("threshold"))
    if threshold is None or (threshold < limit.bound if limit.below else threshold > limit.bound):
        yield f"threshold must be at {'least' if limit.below else 'most'} {show(limit.bound)} for this metric"
    direction = "Less" if limit.below else "Greater"
    if not str(props.get("comparisonOperator")).startswith(direction):
        yield f"comparisonOperator must be one of those that start with {direction}, for this metric"
    if limit.missing and props.get("treatMissingData") != limit.missing:
        yield f"treatMissingData must be {limit.missing}, for this metric"
    if limit.dimensions and sorted(props.get("dimensions") or ()) != list(limit.dimensions):
        yield f"dimensions must be {' and '.join(limit.dimensions)}; any others name a series without data"
    if limit.statistics and (props.get("statistic") or props.get("extendedStatistic")) not in limit.statistics:
        yield f"statistic or extendedStatistic must be {' or '.join(limit.statistics)}, for this metric"


def _tasks_alarm(**changes: Any) -> Mapping[str, Any]:
    return {
        "namespace": "ECS/ContainerInsights",
        "metricName": "RunningTaskCount",
        "threshold": 2,
        "comparisonOperator": "LessThanThreshold",
        "treatMissingData": "breaching",
        "dimensions": {"ClusterName": "c", "ServiceName": "s"},
        "statistic": "Minimum",
        **changes,
    }


_USED = {
    "namespace": "AWS/DocDB",
    "metricName": "DatabaseConnections",
    "dimensions": {"DBClusterIdentifier": "db"},
}
_CONNECTIONS = {
    "metricName": None,
    "namespace": None,
    "threshold": 85,
    "comparisonOperator": "GreaterThanThreshold",
    "metricQueries": [
        {"id": "used", "metric": _USED},
        {"id": "share", "expression": "100 * used / limit"},
    ],
}

ALARM_SENSITIVE = ResourceRule(
    id="alarm-sensitive",
    title="An alarm goes off at the value, and on the series, that shows the fault",
    why="An alarm on an absurd value, the wrong side of it, or a series without data never goes off.",
    severity=Severity.MEDIUM,
    on=METRIC_ALARM,
    keys=("threshold", "comparisonOperator", "treatMissingData", "dimensions", "statistic", "extendedStatistic"),
    absent=Absent(means="AWS refuses an alarm on a metric without it, and says so late"),
    fix="Keep the thresholds of prod_infra.operations.environment_alarms.",
    controls={WELL_ARCHITECTED: ("OPS08-BP04", "REL06-BP02")},
    check=_late,
    passes=(_tasks_alarm(), _tasks_alarm(**_CONNECTIONS), _tasks_alarm(metricName="Own", threshold=1)),
    fails=(
        {"threshold": 1},
        {"comparisonOperator": "GreaterThanThreshold"},
        {"treatMissingData": "notBreaching"},
        {"dimensions": {"ClusterName": "c"}},
        {"statistic": "Maximum"},
        {**_CONNECTIONS, "threshold": 100},
        {**_CONNECTIONS, "metricQueries": [{"metric": {**_USED, "dimensions": {}}}]},
    ),
)


def _slow(props: Props) -> Iterator[str]:
    evaluations = number(props.get("evaluationPeriods"))
    if evaluations is None or evaluations < 1:
        yield "evaluationPeriods must be at least 1"
        return
    holders = [props, *metrics_in(props.get("metricQueries"))]
    periods = [number(holder["period"]) or 0 for holder in holders if given(holder, "period")]
    if any(not 0 < period * evaluations <= MAX_SECONDS_TO_ALARM for period in periods):
        yield f"period times evaluationPeriods must be more than 0 and at most {MAX_SECONDS_TO_ALARM} seconds"
    points = number(props.get("datapointsToAlarm"))
    if points is not None and not 1 <= points <= evaluations:
        yield "datapointsToAlarm must be at least 1 and at most evaluationPeriods"


_PROMPT = {"period": 60, "evaluationPeriods": 5, "datapointsToAlarm": 3}

ALARM_PROMPT = ResourceRule(
    id="alarm-prompt",
    title=f"An alarm looks back over no more than {MAX_SECONDS_TO_ALARM // 60} minutes",
    why="Customers would notice first.",
    severity=Severity.LOW,
    on=METRIC_ALARM,
    keys=("evaluationPeriods", "period", "datapointsToAlarm", "metricQueries"),
    absent=Absent(means="AWS refuses an alarm without it, and says so late"),
    fix="Keep the periods of prod_infra.operations.environment_alarms.",
    controls={WELL_ARCHITECTED: ("OPS08-BP04", "REL06-BP02")},
    check=_slow,
    passes=(_PROMPT, {"evaluationPeriods": 1, "metricQueries": [{"metric": {"period": 300}}, {"expression": "1"}]}),
    fails=(
        {"period": 3600},
        {"period": 0},
        {"evaluationPeriods": 500},
        {"evaluationPeriods": 0},
        {"datapointsToAlarm": 6},
        {"datapointsToAlarm": 0},
        {"metricQueries": [{"metric": {"period": 3600}}]},
    ),
)

RULES = (ALARM_SENSITIVE, ALARM_PROMPT)
