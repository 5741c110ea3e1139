"""Alarms that turn a deployment back: customers get errors, or new tasks are not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs


@dataclass(frozen=True, kw_only=True)
class RollbackAlarmsArgs(ComponentArgs):
    """Arguments of `RollbackAlarms`.

    Attributes:
        load_balancer_arn_suffix: the load balancer as CloudWatch names it.
        target_group_arn_suffixes: target group as CloudWatch names it, by role.
        topic_arn: who is told.
        most_errors: answers of status 5xx a minute that are still taken for noise.
    """

    load_balancer_arn_suffix: pulumi.Input[str]
    target_group_arn_suffixes: Mapping[str, pulumi.Input[str]]
    topic_arn: pulumi.Input[str]
    most_errors: int = 5


class RollbackAlarms(Component):
    """For each target group, alarms on tasks' 5xx answers and on unfit tasks; and one on the load balancer's own 5xx.

    Silence is fine: the group without traffic sends no data.

    Attributes:
        alarm_names: names of all alarms.
    """

    pulumi_type = "prod_infra:operations:RollbackAlarms"

    alarm_names: list[pulumi.Output[str]]

    def __init__(self, name: str, args: RollbackAlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        self._topic_arn = args.topic_arn
        balancer = {"LoadBalancer": args.load_balancer_arn_suffix}
        self.alarm_names = [
            self._alarm(f"{name}-5xx", "HTTPCode_ELB_5XX_Count", "Sum", args.most_errors, balancer),
        ]
        for role, suffix in args.target_group_arn_suffixes.items():
            group = {**balancer, "TargetGroup": suffix}
            self.alarm_names += [
                self._alarm(f"{name}-{role}-5xx", "HTTPCode_Target_5XX_Count", "Sum", args.most_errors, group),
                self._alarm(f"{name}-{role}-unhealthy", "UnHealthyHostCount", "Minimum", 0, group),
            ]
        self.register_outputs({"alarmNames": self.alarm_names})

    def _alarm(
        self, name: str, metric: str, statistic: str, threshold: int, dimensions: Mapping[str, pulumi.Input[str]]
    ) -> pulumi.Output[str]:
        return aws.cloudwatch.MetricAlarm(
            name,
            alarm_description=f"{metric} is above {threshold} in 2 of 3 minutes: deployments are turned back",
            namespace="AWS/ApplicationELB",
            metric_name=metric,
            dimensions=dict(dimensions),
            statistic=statistic,
            period=60,
            evaluation_periods=3,
            datapoints_to_alarm=2,
            threshold=threshold,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[self._topic_arn],
            ok_actions=[self._topic_arn],
            tags=self._tags(name),
            opts=self._child(),
        ).name
