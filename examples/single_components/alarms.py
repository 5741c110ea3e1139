"""Alarms of one's own on what the components made: their namespaces and dimensions are AWS's."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from prod_infra.compute.alb import Alb
from prod_infra.compute.ecs import Ecs
from prod_infra.network.nat import Nat


def watch(topic_arn: pulumi.Input[str], alb: Alb, service: Ecs, nat: Nat) -> None:
    """Make an alarm on latency, each of the service's limits, and each NAT gateway's ports."""
    ecs = {"ClusterName": service.cluster_name, "ServiceName": service.service_name}

    def alarm(
        name: str, metric: str, threshold: float, dimensions: Mapping[str, pulumi.Input[str]], **more: str
    ) -> None:
        namespace, _, metric_name = metric.partition(":")
        aws.cloudwatch.MetricAlarm(
            f"api-{name}",
            namespace=namespace,
            metric_name=metric_name,
            dimensions=dict(dimensions),
            threshold=threshold,
            period=60,
            evaluation_periods=5,
            datapoints_to_alarm=3,
            comparison_operator=more.pop("comparison_operator", "GreaterThanThreshold"),
            alarm_actions=[topic_arn],
            **more,
        )

    alarm(
        "latency",
        "AWS/ApplicationELB:TargetResponseTime",
        1,
        {"LoadBalancer": alb.arn_suffix},
        extended_statistic="p99",
        treat_missing_data="notBreaching",
    )
    for metric in ("CPUUtilization", "MemoryUtilization"):
        alarm(metric, f"AWS/ECS:{metric}", 85, ecs, statistic="Average", treat_missing_data="notBreaching")
    alarm(
        "tasks",
        "ECS/ContainerInsights:RunningTaskCount",
        2,
        ecs,
        statistic="Minimum",
        comparison_operator="LessThanThreshold",
        treat_missing_data="breaching",
    )
    for zone, gateway in nat.gateway_ids.items():
        alarm(
            f"nat-{zone}",
            "AWS/NATGateway:ErrorPortAllocation",
            0,
            {"NatGatewayId": gateway},
            statistic="Sum",
            treat_missing_data="notBreaching",
        )
