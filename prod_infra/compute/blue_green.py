"""CodeDeploy's blue/green deployment of the service: traffic shifts in steps, and back on failure or alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi_aws import codedeploy as dg

from prod_infra.component import Component, ComponentArgs

READY_WAIT_MINUTES = 60
"""For which a deployment waits, before any traffic shifts, to be told to go on; then it is stopped."""


@dataclass(frozen=True, kw_only=True)
class BlueGreenArgs(ComponentArgs):
    """Arguments of `BlueGreen`.

    Attributes:
        role_arn: CodeDeploy's role.
        cluster_name: the service's cluster.
        service_name: the service, whose deployment controller is CODE_DEPLOY.
        target_group_names: the blue group and the green one.
        production_listener_arn: listener of customers' traffic.
        test_listener_arn: listener that shows the new version first.
        alarm_names: alarms that stop a deployment and turn it back.
        deployment_config_name: how traffic shifts, such as `CodeDeployDefault.ECSCanary10Percent5Minutes`.
        blue_termination_wait_minutes: how long the old version stays up after a deployment.
    """

    role_arn: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    service_name: pulumi.Input[str]
    target_group_names: Sequence[pulumi.Input[str]]
    production_listener_arn: pulumi.Input[str]
    test_listener_arn: pulumi.Input[str]
    alarm_names: Sequence[pulumi.Input[str]]
    deployment_config_name: str = "CodeDeployDefault.ECSCanary10Percent5Minutes"
    blue_termination_wait_minutes: int = 30


class BlueGreen(Component):
    """A CodeDeploy application and deployment group that shift between two target groups and roll back by themselves.

    Attributes:
        application_name: `<environment>-app`.
        deployment_group_name: `<environment>-app-blue-green`.
    """

    pulumi_type = "prod_infra:compute:BlueGreen"

    application_name: pulumi.Output[str]
    deployment_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: BlueGreenArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        application = aws.codedeploy.Application(
            name,
            name=f"{args.environment}-app",
            compute_platform="ECS",
            tags=self._tags(name),
            opts=self._child(),
        )
        group = aws.codedeploy.DeploymentGroup(
            name,
            app_name=application.name,
            deployment_group_name=f"{args.environment}-app-blue-green",
            service_role_arn=args.role_arn,
            deployment_config_name=args.deployment_config_name,
            deployment_style=dg.DeploymentGroupDeploymentStyleArgs(
                deployment_option="WITH_TRAFFIC_CONTROL", deployment_type="BLUE_GREEN"
            ),
            ecs_service=dg.DeploymentGroupEcsServiceArgs(
                cluster_name=args.cluster_name, service_name=args.service_name
            ),
            load_balancer_info=_load_balancer_info(args),
            blue_green_deployment_config=dg.DeploymentGroupBlueGreenDeploymentConfigArgs(
                deployment_ready_option=dg.DeploymentGroupBlueGreenDeploymentConfigDeploymentReadyOptionArgs(
                    # The runbook `release` tests the new version at the test listener, then says to go on.
                    action_on_timeout="STOP_DEPLOYMENT",
                    wait_time_in_minutes=READY_WAIT_MINUTES,
                ),
                terminate_blue_instances_on_deployment_success=dg.DeploymentGroupBlueGreenDeploymentConfigTerminateBlueInstancesOnDeploymentSuccessArgs(
                    action="TERMINATE", termination_wait_time_in_minutes=args.blue_termination_wait_minutes
                ),
            ),
            auto_rollback_configuration=dg.DeploymentGroupAutoRollbackConfigurationArgs(
                enabled=True, events=["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]
            ),
            alarm_configuration=dg.DeploymentGroupAlarmConfigurationArgs(enabled=True, alarms=list(args.alarm_names)),
            tags=self._tags(name),
            opts=self._child(),
        )
        self.application_name = application.name
        self.deployment_group_name = group.deployment_group_name
        self.register_outputs(
            {"applicationName": self.application_name, "deploymentGroupName": self.deployment_group_name}
        )


def _load_balancer_info(args: BlueGreenArgs) -> dg.DeploymentGroupLoadBalancerInfoArgs:
    """Return the pair of target groups and the two listeners between which traffic moves."""
    return dg.DeploymentGroupLoadBalancerInfoArgs(
        target_group_pair_info=dg.DeploymentGroupLoadBalancerInfoTargetGroupPairInfoArgs(
            target_groups=[
                dg.DeploymentGroupLoadBalancerInfoTargetGroupPairInfoTargetGroupArgs(name=group)
                for group in args.target_group_names
            ],
            prod_traffic_route=dg.DeploymentGroupLoadBalancerInfoTargetGroupPairInfoProdTrafficRouteArgs(
                listener_arns=[args.production_listener_arn]
            ),
            test_traffic_route=dg.DeploymentGroupLoadBalancerInfoTargetGroupPairInfoTestTrafficRouteArgs(
                listener_arns=[args.test_listener_arn]
            ),
        )
    )
