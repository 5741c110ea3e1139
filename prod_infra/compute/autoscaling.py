"""Scaling of the service on its CPU."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi_aws.appautoscaling import (
    PolicyTargetTrackingScalingPolicyConfigurationArgs,
    PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs,
)

from prod_infra.component import Component, ComponentArgs


@dataclass(frozen=True, kw_only=True)
class AutoscalingArgs(ComponentArgs):
    """Arguments of `Autoscaling`.

    Attributes:
        cluster_name: the service's cluster.
        service_name: the service.
        min_tasks: fewest tasks.
        max_tasks: most tasks.
        cpu_threshold: average CPU percentage to aim at.
    """

    cluster_name: pulumi.Input[str]
    service_name: pulumi.Input[str]
    min_tasks: int = 2
    max_tasks: int = 8
    cpu_threshold: int = 70


class Autoscaling(Component):
    """Target tracking on average CPU: out fast, in slowly, as a short peak should not make the service flap.

    Attributes:
        resource_id: the service as Application Auto Scaling names it, `service/<cluster>/<service>`.
    """

    pulumi_type = "prod_infra:compute:Autoscaling"

    resource_id: pulumi.Output[str]

    def __init__(self, name: str, args: AutoscalingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        target = aws.appautoscaling.Target(
            name,
            service_namespace="ecs",
            resource_id=pulumi.Output.concat("service/", args.cluster_name, "/", args.service_name),
            scalable_dimension="ecs:service:DesiredCount",
            min_capacity=args.min_tasks,
            max_capacity=args.max_tasks,
            tags=self._tags(),
            opts=self._child(),
        )
        aws.appautoscaling.Policy(
            f"{name}-cpu",
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            resource_id=target.resource_id,
            scalable_dimension=target.scalable_dimension,
            target_tracking_scaling_policy_configuration=PolicyTargetTrackingScalingPolicyConfigurationArgs(
                predefined_metric_specification=(
                    PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
                        predefined_metric_type="ECSServiceAverageCPUUtilization"
                    )
                ),
                target_value=args.cpu_threshold,
                scale_out_cooldown=60,
                scale_in_cooldown=300,
            ),
            opts=self._child(),
        )
        self.resource_id = target.resource_id
        self.register_outputs({"resourceId": self.resource_id})
