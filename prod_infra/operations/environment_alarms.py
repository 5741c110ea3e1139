"""Alarms on the environment: what people have to know before customers tell them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.operations.encryption import GLOBAL_REGION

SLOW_SECONDS: Final = 2.0
BUSY_PERCENT: Final = 85
LEAST_FREE_MEMORY: Final = 1024**3
MOST_LAG_MILLISECONDS: Final = 1000
MOST_EDGE_ERRORS_PERCENT: Final = 5
MOST_BLOCKED: Final = 1000
"""Requests that the firewall refuses in five minutes on an ordinary day."""


@dataclass(frozen=True, kw_only=True)
class EnvironmentAlarmsArgs(ComponentArgs):
    """Arguments of `EnvironmentAlarms`.

    Attributes:
        topic_arn: who is told, in the environment's region.
        edge_topic_arn: who is told, in us-east-1.
        load_balancer_arn_suffix: the load balancer as CloudWatch names it.
        cluster_name: the service's cluster.
        service_name: the service.
        autoscaling_min_tasks: fewest tasks.
        database_identifier: DocumentDB's cluster.
        nat_gateway_ids: NAT gateway by zone.
        distribution_id: the distribution.
        web_acl: the distribution's web ACL as CloudWatch names it.
    """

    topic_arn: pulumi.Input[str]
    edge_topic_arn: pulumi.Input[str]
    load_balancer_arn_suffix: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    service_name: pulumi.Input[str]
    autoscaling_min_tasks: int = 2
    database_identifier: pulumi.Input[str]
    nat_gateway_ids: Mapping[str, pulumi.Input[str]]
    distribution_id: pulumi.Input[str]
    web_acl: str


class EnvironmentAlarms(Component):
    """Alarms on latency, tasks, database, NAT gateways, distribution and firewall. `RollbackAlarms` has the errors.

    Each wants its fault in three of five minutes, or in one period where a single event counts.

    Attributes:
        alarm_names: names of all alarms.
    """

    pulumi_type = "prod_infra:operations:EnvironmentAlarms"

    alarm_names: list[pulumi.Output[str]]

    def __init__(self, name: str, args: EnvironmentAlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        self._topics = [args.topic_arn]
        self.alarm_names = []
        balancer = {"LoadBalancer": args.load_balancer_arn_suffix}
        self._alarm(f"{name}-latency", "AWS/ApplicationELB:TargetResponseTime", "p99", SLOW_SECONDS, balancer)
        service = {"ClusterName": args.cluster_name, "ServiceName": args.service_name}
        self._alarm(f"{name}-task-cpu", "AWS/ECS:CPUUtilization", "Average", BUSY_PERCENT, service)
        self._alarm(f"{name}-task-memory", "AWS/ECS:MemoryUtilization", "Average", BUSY_PERCENT, service)
        # No task, no data.
        few = {**_BELOW, "treat_missing_data": "breaching"}
        tasks, fewest = "ECS/ContainerInsights:RunningTaskCount", args.autoscaling_min_tasks
        self._alarm(f"{name}-tasks", tasks, "Minimum", fewest, service, **few)
        self._database(f"{name}-database", {"DBClusterIdentifier": args.database_identifier})
        for zone, gateway in args.nat_gateway_ids.items():
            nat = {"NatGatewayId": gateway}
            self._alarm(f"{name}-nat-{zone}", "AWS/NATGateway:ErrorPortAllocation", "Sum", 0, nat, **_AT_ONCE)
        self._topics = [args.edge_topic_arn]
        distribution = {"DistributionId": args.distribution_id, "Region": "Global"}
        limit, edge = MOST_EDGE_ERRORS_PERCENT, {"region": GLOBAL_REGION}
        self._alarm(f"{name}-edge-5xx", "AWS/CloudFront:5xxErrorRate", "Average", limit, distribution, **edge)
        blocked = {**edge, **_AT_ONCE, "period": 300}
        firewall = {"WebACL": args.web_acl, "Rule": "ALL"}
        self._alarm(f"{name}-blocked", "AWS/WAFV2:BlockedRequests", "Sum", MOST_BLOCKED, firewall, **blocked)
        self.register_outputs({"alarmNames": self.alarm_names})

    def _database(self, name: str, cluster: Mapping[str, pulumi.Input[str]]) -> None:
        self._alarm(f"{name}-cpu", "AWS/DocDB:CPUUtilization", "Maximum", BUSY_PERCENT, cluster)
        self._alarm(f"{name}-memory", "AWS/DocDB:FreeableMemory", "Minimum", LEAST_FREE_MEMORY, cluster, **_BELOW)
        lag = "AWS/DocDB:DBClusterReplicaLagMaximum"
        self._alarm(f"{name}-lag", lag, "Maximum", MOST_LAG_MILLISECONDS, cluster)
        # How many connections there may be follows from the instance class, and DocumentDB tells.
        metrics = {"used": "DatabaseConnections", "limit": "DatabaseConnectionsLimit"}
        queries = [
            aws.cloudwatch.MetricAlarmMetricQueryArgs(
                id=key,
                metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                    namespace="AWS/DocDB", metric_name=metric, dimensions=dict(cluster), period=60, stat="Maximum"
                ),
            )
            for key, metric in metrics.items()
        ]
        share = aws.cloudwatch.MetricAlarmMetricQueryArgs(
            id="share", expression="100 * used / limit", label="Connections, % of the limit", return_data=True
        )
        self._put(f"{name}-connections", "Connections, % of the limit,", BUSY_PERCENT, metric_queries=[*queries, share])

    def _alarm(
        self,
        name: str,
        metric: str,
        statistic: str,
        threshold: float,
        dimensions: Mapping[str, pulumi.Input[str]],
        **more: Any,
    ) -> None:
        """Make an alarm on a metric, given as `<namespace>:<name>`."""
        namespace, _, what = metric.partition(":")
        key = "extended_statistic" if statistic.startswith("p") else "statistic"
        measured = {"namespace": namespace, "metric_name": what, "dimensions": dict(dimensions), key: statistic}
        self._put(name, what, threshold, **{"period": 60, **measured, **more})

    def _put(self, name: str, what: str, threshold: float, **more: Any) -> None:
        settings = {
            "comparison_operator": "GreaterThanThreshold",
            "evaluation_periods": 5,
            "datapoints_to_alarm": 3,
            "treat_missing_data": "notBreaching",
            **more,
        }
        bound = "under" if settings["comparison_operator"].startswith("Less") else "above"
        alarm = aws.cloudwatch.MetricAlarm(
            name,
            alarm_description=f"{what} is {bound} {threshold:g}",
            threshold=threshold,
            alarm_actions=self._topics,
            ok_actions=self._topics,
            tags=self._tags(name),
            opts=self._child(),
            **settings,
        )
        self.alarm_names.append(alarm.name)


_AT_ONCE: Final[Mapping[str, Any]] = {"evaluation_periods": 1, "datapoints_to_alarm": 1}

_BELOW: Final = {"comparison_operator": "LessThanThreshold"}
