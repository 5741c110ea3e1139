"""A blue/green service on the local AWS, for the tests of ECS tasks and of CodeDeploy."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prod_infra.local_aws.clients import Clients
from tests.local_aws.environment import network, role

WAIT_SECONDS = 40.0
CANARY = "CodeDeployDefault.ECSCanary10Percent5Minutes"
NAMES = {"applicationName": "app", "deploymentGroupName": "blue-green"}


def until(there: Callable[[], Any], what: str) -> Any:
    """Wait, bounded, until something is true, and return it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := there()):
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.01)
    return found


@dataclass(frozen=True)
class Stage:
    """A service of two tasks behind a production rule and a test listener, and CodeDeploy's group for it.

    Attributes:
        clients: of the local AWS.
        groups: ARNs of the target groups blue and green, by name.
        production: ARN of the listener whose rule forwards to blue; its default action answers 403.
        rule: ARN of that rule.
        test: ARN of the listener that forwards to green.
        subnets: of the tasks.
        security_group: of the tasks.
    """

    clients: Clients
    groups: dict[str, str]
    production: str
    rule: str
    test: str
    subnets: list[str]
    security_group: str

    @classmethod
    def build(cls, clients: Clients, *, controller: str = "CODE_DEPLOY", desired: int = 2) -> Stage:
        """Create it all, and wait until the service is steady."""
        where, elbv2, ecs = network(clients), clients("elbv2"), clients("ecs")
        balancer = elbv2.create_load_balancer(Name="alb", Subnets=where.subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        groups = {}
        for name in ("blue", "green"):
            groups[name] = elbv2.create_target_group(
                Name=name,
                Protocol="HTTPS",
                Port=8080,
                VpcId=where.vpc,
                TargetType="ip",
                HealthCheckIntervalSeconds=15,
                UnhealthyThresholdCount=3,
            )["TargetGroups"][0]["TargetGroupArn"]
            elbv2.modify_target_group_attributes(
                TargetGroupArn=groups[name],
                Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}],
            )
        forbidden = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}
        production, test = (
            elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=[action])[
                "Listeners"
            ][0]["ListenerArn"]
            for port, action in ((80, forbidden), (8443, {"Type": "forward", "TargetGroupArn": groups["green"]}))
        )
        header = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Origin", "Values": ["s"]}}
        rule = elbv2.create_rule(
            ListenerArn=production,
            Priority=1,
            Conditions=[header],
            Actions=[{"Type": "forward", "TargetGroupArn": groups["blue"]}],
        )["Rules"][0]["RuleArn"]
        ecs.create_cluster(clusterName="prod")
        stage = cls(clients, groups, production, rule, test, where.subnets, where.group)
        ecs.create_service(
            cluster="prod",
            serviceName="app",
            taskDefinition=stage.revision(),
            desiredCount=desired,
            launchType="FARGATE",
            deploymentController={"type": controller},
            healthCheckGracePeriodSeconds=30,
            loadBalancers=[{"targetGroupArn": groups["blue"], "containerName": "app", "containerPort": 8080}],
            networkConfiguration=stage.network,
        )
        until(lambda: stage.targets("blue").count("healthy") == desired, "the service is steady")
        return stage

    def code_deploy(self, **settings: Any) -> Any:
        """Create CodeDeploy's application and group, and return a client."""
        client = self.clients("codedeploy")
        client.create_application(applicationName="app", computePlatform="ECS")
        service_role = role(self.clients, "codedeploy", "codedeploy.amazonaws.com")
        group = {
            "deploymentConfigName": CANARY,
            "serviceRoleArn": service_role,
            "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            "autoRollbackConfiguration": {
                "enabled": True,
                "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
            },
            "alarmConfiguration": {"enabled": True, "alarms": [{"name": "5xx"}]},
            "blueGreenDeploymentConfiguration": {
                "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 5},
                "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"},
            },
            "ecsServices": [{"serviceName": "app", "clusterName": "prod"}],
            "loadBalancerInfo": {
                "targetGroupPairInfoList": [
                    {
                        "targetGroups": [{"name": "blue"}, {"name": "green"}],
                        "prodTrafficRoute": {"listenerArns": [self.production]},
                        "testTrafficRoute": {"listenerArns": [self.test]},
                    }
                ]
            },
        }
        client.create_deployment_group(**NAMES, **(group | settings))
        return client

    @property
    def network(self) -> dict[str, Any]:
        """ECS's `networkConfiguration` of the tasks."""
        return {"awsvpcConfiguration": {"subnets": self.subnets, "securityGroups": [self.security_group]}}

    def revision(self, version: str = "1") -> str:
        """Register a revision of the task definition and return its ARN."""
        arn: str = self.clients("ecs").register_task_definition(
            family="app",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[
                {
                    "name": "app",
                    "image": "app",
                    "portMappings": [{"containerPort": 8080}],
                    "environment": [{"name": "VERSION", "value": version}],
                    "secrets": [{"name": "PASSWORD", "valueFrom": "arn:secret"}],
                }
            ],
        )["taskDefinition"]["taskDefinitionArn"]
        return arn

    def service(self) -> dict[str, Any]:
        """Return the service as describe tells it."""
        found: dict[str, Any] = self.clients("ecs").describe_services(cluster="prod", services=["app"])["services"][0]
        return found

    def tasks(self, **given: Any) -> list[dict[str, Any]]:
        """Return the service's tasks that are to run, or those that `given` selects."""
        ecs = self.clients("ecs")
        arns = ecs.list_tasks(cluster="prod", **(given or {"serviceName": "app"}))["taskArns"]
        found: list[dict[str, Any]] = ecs.describe_tasks(cluster="prod", tasks=arns)["tasks"] if arns else []
        return found

    def health(self, group: str) -> dict[str, dict[str, Any]]:
        """Return `TargetHealth` of each target of a group, by address."""
        said = self.clients("elbv2").describe_target_health(TargetGroupArn=self.groups[group])
        return {each["Target"]["Id"]: each["TargetHealth"] for each in said["TargetHealthDescriptions"]}

    def targets(self, group: str) -> list[str]:
        """Return the state of each target of a group."""
        return [health["State"] for health in self.health(group).values()]

    def weights(self) -> dict[str, int]:
        """Return what the production rule gives blue and green; all to one group without weights."""
        action = self.clients("elbv2").describe_rules(RuleArns=[self.rule])["Rules"][0]["Actions"][0]
        return self._named(action)

    def test_weights(self) -> dict[str, int]:
        """Return what the test listener gives blue and green."""
        listener = self.clients("elbv2").describe_listeners(ListenerArns=[self.test])["Listeners"][0]
        return self._named(listener["DefaultActions"][0])

    def _named(self, action: dict[str, Any]) -> dict[str, int]:
        names = {arn: name for name, arn in self.groups.items()}
        found = action.get("ForwardConfig", {}).get("TargetGroups") or [
            {"TargetGroupArn": action["TargetGroupArn"], "Weight": 100}
        ]
        return {names[each["TargetGroupArn"]]: each["Weight"] for each in found}

    def app_spec(self, task_definition: str, **changes: Any) -> str:
        """Return the AppSpec of a task definition as JSON."""
        properties = {
            "TaskDefinition": task_definition,
            "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080},
        }
        service = {"Type": "AWS::ECS::Service", "Properties": properties}
        return json.dumps({"version": 0.0, "Resources": [{"TargetService": service}]} | changes)

    def deploy(self, content: str | None = None, **given: Any) -> str:
        """Create a deployment of a new revision, or of the AppSpec given, and return its ID."""
        content = self.app_spec(self.revision("2")) if content is None else content
        sha256 = hashlib.sha256(content.encode()).hexdigest()
        revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": content, "sha256": sha256}}
        created = self.clients("codedeploy").create_deployment(**(NAMES | {"revision": revision} | given))
        return str(created["deploymentId"])

    def deployment(self, deployment_id: str) -> dict[str, Any]:
        """Return a deployment's info."""
        info: dict[str, Any] = self.clients("codedeploy").get_deployment(deploymentId=deployment_id)["deploymentInfo"]
        return info

    def target(self, deployment_id: str) -> dict[str, Any]:
        """Return the one target of a deployment that has started."""
        client = self.clients("codedeploy")
        ids = client.list_deployment_targets(deploymentId=deployment_id)["targetIds"]
        found = client.batch_get_deployment_targets(deploymentId=deployment_id, targetIds=ids)["deploymentTargets"]
        target: dict[str, Any] = found[0]["ecsTarget"]
        return target

    def ended(self, deployment_id: str) -> dict[str, Any]:
        """Wait until a deployment has ended, and return its info."""

        def over() -> dict[str, Any] | None:
            info = self.deployment(deployment_id)
            return info if info["status"] in ("Succeeded", "Failed", "Stopped") else None

        info: dict[str, Any] = until(over, f"{deployment_id} has ended")
        return info

    def started(self, deployment_id: str) -> None:
        """Wait until a deployment is more than queued."""
        until(lambda: self.deployment(deployment_id)["status"] not in ("Created", "Queued"), "the deployment starts")

    def event(self, deployment_id: str, name: str) -> str:
        """Return the status of a lifecycle event."""
        found = {each["lifecycleEventName"]: each["status"] for each in self.target(deployment_id)["lifecycleEvents"]}
        return str(found[name])

    def settled(self, group: str) -> None:
        """Check that all traffic is with one group, and that its task set is the only one."""
        until(lambda: len(self.service()["taskSets"]) == 1, "one task set is left")
        task_set = self.service()["taskSets"][0]
        assert task_set["status"] == "PRIMARY"
        assert task_set["loadBalancers"][0]["targetGroupArn"] == self.groups[group]
        weights = self.weights()
        assert (weights[group], sum(weights.values())) == (100, 100)
