"""The ECS service on Fargate: its cluster, task definition and scaling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.compute.autoscaling import Autoscaling, AutoscalingArgs
from prod_infra.compute.container import CONTAINER_NAME, container_definitions
from prod_infra.compute.iam import ServiceRoles, ServiceRolesArgs
from prod_infra.data.app_secrets import SecretReference
from prod_infra.operations.account import account_of


@dataclass(frozen=True, kw_only=True)
class EcsArgs(ComponentArgs):
    """Arguments of `Ecs`.

    Attributes:
        region: AWS region, for the log driver.
        app_image: container image by digest, `repository@sha256:…`.
        app_port: port on which the container listens.
        task_cpu: CPU units; 1024 are one vCPU.
        task_memory: MiB.
        variables: plain environment variables.
        secrets: environment variables that ECS fills from Secrets Manager.
        log_retention_days: how long the container's output is kept.
        logs_key_arn: key of the logs.
        secrets_key_arn: key of the environment's own secrets.
        buckets_key_arn: key of the bucket to which the application uploads.
        repository_arn: repository that holds the image.
        images_bucket_arn: bucket to which the application uploads.
        private_subnet_ids: one subnet in each of two or more zones.
        security_group_id: the tasks' group.
        target_group_arn: where the first tasks register.
        enable_blue_green_deployment: CodeDeploy deploys; otherwise ECS's rolling update.
        autoscaling_min_tasks: fewest tasks, and how many there are at first.
        autoscaling_max_tasks: most tasks.
        autoscaling_cpu_threshold: average CPU percentage that scaling aims at.
        permissions_boundary: name of the policy that bounds the roles; None for none.
        ready: what must exist before the service: AWS takes a target group only once a listener leads to it.
    """

    region: str
    app_image: pulumi.Input[str]
    app_port: int = 8080
    task_cpu: int = 512
    task_memory: int = 1024
    variables: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    secrets: Mapping[str, SecretReference] = field(default_factory=dict)
    log_retention_days: int = 365
    logs_key_arn: pulumi.Input[str]
    secrets_key_arn: pulumi.Input[str]
    buckets_key_arn: pulumi.Input[str]
    repository_arn: pulumi.Input[str]
    images_bucket_arn: pulumi.Input[str]
    private_subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    target_group_arn: pulumi.Input[str]
    enable_blue_green_deployment: bool = True
    autoscaling_min_tasks: int = 2
    autoscaling_max_tasks: int = 8
    autoscaling_cpu_threshold: int = 70
    permissions_boundary: str | None = None
    ready: Sequence[pulumi.Resource] = ()


class Ecs(Component):
    """A Fargate service in the private subnets, scaled on CPU.

    After the first deployment the task definition and the live target group belong to CodeDeploy, and the number of
    tasks to scaling, so changes to these three are ignored here.

    Attributes:
        cluster_name: `<environment>-cluster`.
        service_name: `<environment>-app`.
        task_definition_arn: ARN of the revision that this program registered.
        roles: the service's roles.
    """

    pulumi_type = "prod_infra:compute:Ecs"

    cluster_name: pulumi.Output[str]
    service_name: pulumi.Output[str]
    task_definition_arn: pulumi.Output[str]
    roles: ServiceRoles

    def __init__(self, name: str, args: EcsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        cluster_name = f"{args.environment}-cluster"
        # ECS would make this group itself, for one day and under no key of ours.
        insights = self._log_group(f"{name}-insights", f"/aws/ecs/containerinsights/{cluster_name}/performance", args)
        cluster = aws.ecs.Cluster(
            name,
            name=cluster_name,
            settings=[aws.ecs.ClusterSettingArgs(name="containerInsights", value="enhanced")],
            tags=self._tags(name),
            opts=self._child(depends_on=[insights]),
        )
        logs = self._log_group(name, f"/{args.environment}/app", args)
        self.roles = ServiceRoles(
            name,
            ServiceRolesArgs(
                environment=args.environment,
                repository_arn=args.repository_arn,
                log_group_arn=account_of(self).log_group_arn(args.region, logs.name),
                secrets=args.secrets,
                images_bucket_arn=args.images_bucket_arn,
                secrets_key_arn=args.secrets_key_arn,
                buckets_key_arn=args.buckets_key_arn,
                enable_blue_green_deployment=args.enable_blue_green_deployment,
                permissions_boundary=args.permissions_boundary,
            ),
            opts=self._child(),
        )
        task = aws.ecs.TaskDefinition(
            name,
            family=f"{args.environment}-app",
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(args.task_cpu),
            memory=str(args.task_memory),
            execution_role_arn=self.roles.execution_role_arn,
            task_role_arn=self.roles.task_role_arn,
            container_definitions=container_definitions(
                image=args.app_image,
                port=args.app_port,
                variables=args.variables,
                secrets=args.secrets,
                log_group_name=logs.name,
                region=args.region,
            ),
            # Deployments run from older revisions: the one that a new revision replaces must stay usable.
            skip_destroy=True,
            tags=self._tags(name),
            opts=self._child(),
        )
        service = self._service(name, args, cluster, task)
        Autoscaling(
            name,
            AutoscalingArgs(
                environment=args.environment,
                cluster_name=cluster.name,
                service_name=service.name,
                min_tasks=args.autoscaling_min_tasks,
                max_tasks=args.autoscaling_max_tasks,
                cpu_threshold=args.autoscaling_cpu_threshold,
            ),
            self._child(),
        )
        self.cluster_name = cluster.name
        self.service_name = service.name
        self.task_definition_arn = task.arn
        self.register_outputs({"clusterName": self.cluster_name, "serviceName": self.service_name})

    def _log_group(self, name: str, group_name: str, args: EcsArgs) -> aws.cloudwatch.LogGroup:
        return aws.cloudwatch.LogGroup(
            name,
            name=group_name,
            retention_in_days=args.log_retention_days,
            kms_key_id=args.logs_key_arn,
            tags=self._tags(name),
            opts=self._child(),
        )

    def _service(
        self, name: str, args: EcsArgs, cluster: aws.ecs.Cluster, task: aws.ecs.TaskDefinition
    ) -> aws.ecs.Service:
        blue_green = args.enable_blue_green_deployment
        return aws.ecs.Service(
            name,
            name=f"{args.environment}-app",
            cluster=cluster.arn,
            task_definition=task.arn,
            launch_type="FARGATE",
            desired_count=args.autoscaling_min_tasks,
            network_configuration=aws.ecs.ServiceNetworkConfigurationArgs(
                subnets=list(args.private_subnet_ids),
                security_groups=[args.security_group_id],
                assign_public_ip=False,
            ),
            load_balancers=[
                aws.ecs.ServiceLoadBalancerArgs(
                    target_group_arn=args.target_group_arn, container_name=CONTAINER_NAME, container_port=args.app_port
                )
            ],
            health_check_grace_period_seconds=60,
            deployment_controller=aws.ecs.ServiceDeploymentControllerArgs(type="CODE_DEPLOY" if blue_green else "ECS"),
            # CodeDeploy rolls back by itself; ECS's own breaker is for ECS's own deployments.
            deployment_circuit_breaker=(
                None if blue_green else aws.ecs.ServiceDeploymentCircuitBreakerArgs(enable=True, rollback=True)
            ),
            propagate_tags="SERVICE",
            tags=self._tags(name),
            opts=self._child(
                ignore_changes=["taskDefinition", "loadBalancers", "desiredCount"] if blue_green else ["desiredCount"],
                depends_on=[self.roles, *args.ready],
            ),
        )
